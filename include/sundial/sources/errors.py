"""What can go wrong with a source, told apart by what helps: waiting, new credentials, or a correction."""

from __future__ import annotations


class SourceError(Exception):
    """A feed could not be read.

    The message names the feed, what is wrong and the remedy; it never holds a secret or the value of a row.
    """


class SourceUnreachable(SourceError, ConnectionError):  # noqa: N818 — the sentence is in the name
    """The source does not answer at present: worth a retry."""


class SourceRefused(SourceError):  # noqa: N818 — the sentence is in the name
    """The source answers and says no to our credentials: a retry does not help."""


class SourceBroken(SourceError):  # noqa: N818 — the sentence is in the name
    """The source answers with something that is not the feed that was registered: a retry does not help."""
