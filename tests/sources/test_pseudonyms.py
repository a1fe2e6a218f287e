"""The keyed hashes are HMAC-SHA-256, whatever the lengths of secret and key."""

from __future__ import annotations

import hmac

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sundial.sources.pseudonyms import hashed


def expected(secret: bytes, texts: list[str | None]) -> list[str | None]:
    return [None if t is None else hmac.digest(secret, t.encode(), "sha256").hex()[:32] for t in texts]


@given(secret=st.binary(min_size=1, max_size=200), texts=st.lists(st.text(max_size=200) | st.none()))
def test_hashes_are_the_first_half_of_hmac_sha256(secret: bytes, texts: list[str | None]) -> None:
    assert hashed(pa.chunked_array([pa.array(texts, pa.string())]), secret).to_pylist() == expected(
        secret, texts
    )


def test_many_keep_their_order() -> None:
    texts: list[str | None] = [None if n % 97 == 0 else f"report-{n}" for n in range(300_000)]
    chunks = [pa.array(texts[n : n + 70_000], pa.string()) for n in range(0, len(texts), 70_000)]
    assert hashed(pa.chunked_array(chunks), b"secret").to_pylist() == expected(b"secret", texts)
