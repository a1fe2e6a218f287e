"""The keyed hashes are HMAC-SHA-256, whatever the lengths of secret and key."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from sundial.sources.pseudonyms import hasher


@given(secret=st.binary(min_size=1, max_size=200), texts=st.lists(st.text(max_size=200) | st.none()))
def test_hashes_are_the_first_half_of_hmac_sha256(secret: bytes, texts: list[str | None]) -> None:
    expected = [None if t is None else hmac.digest(secret, t.encode(), "sha256").hex()[:32] for t in texts]
    assert hasher(secret)(texts) == expected
