"""Texts of outputs: read where they arrive, and dropped before anything is written."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from sundial.register.feeds import OutputsFeed
from sundial.sources.errors import SourceBroken


def without_texts(chunk: pa.Table, feed: OutputsFeed, where: str) -> pa.Table:
    """Returns the rows with `OF_TEXTS` in place of the texts that the feed names.

    Raises:
        SourceBroken: a column holds no texts.
    """
    if feed.text is not None:
        # Imported here: most feeds have no text, and the libraries take a while to load.
        from sundial.sources.pii import patterns

        pii, kinds = patterns(_texts(chunk, feed.text.column, where), feed.text)
        chunk = chunk.append_column("pii", pii).append_column("pii_kinds", kinds)
    if feed.explanation is not None:
        there = pc.utf8_trim_whitespace(_texts(chunk, feed.explanation, where))
        explained = pc.fill_null(pc.not_equal(there, ""), False)
        chunk = chunk.append_column("explained", explained.cast(pa.int8()))
    return chunk.drop_columns(list(feed.texts.values()))


def _texts(chunk: pa.Table, column: str, where: str) -> pa.ChunkedArray:
    values = chunk[column]
    try:
        texts = values.cast(pa.large_string())
        texts.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Without the cause: it may quote the text.
        raise SourceBroken(
            f"{where}: column {column} is {values.type}, and no text in UTF-8; have the source give that, or "
            "name another column in the register entry"
        ) from None
    return texts
