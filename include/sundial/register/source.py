"""Where a feed comes from, as its entry in the register says it.

An entry never holds a secret: it names a connection, which whoever pulls looks up.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_IDENTIFIER = r"[^\W\d][\w$]*"
_TABLE = re.compile(rf"{_IDENTIFIER}(\.{_IDENTIFIER})?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:://|::)")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FilesSource(_Entry):
    """Files of one format under one URL, read in the order of their names."""

    kind: Literal["files"] = Field(description="The feed is a set of files.")
    url: str = Field(
        min_length=1,
        description="Where the files are: a path, file://… or s3://bucket/key, with globs (*, **, ?, []).",
    )
    format: Literal["parquet", "csv", "jsonl"] = Field(
        description="Format of the files: parquet, csv (header, commas, UTF-8) or jsonl (one object a line)."
    )
    connection: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the connection that holds the key, secret and endpoint of an S3 store, or the "
        "folder (Airflow's type File (path)) that a relative url lies in. "
        "Without it, the machine's own identity is used.",
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        scheme = _SCHEME.match(url)
        if scheme and scheme[1] not in {"file", "s3"}:
            raise ValueError(f"the scheme {scheme[1]!r} is not read; give a path, file://… or s3://…")
        if url.startswith("s3://") and "@" in url.removeprefix("s3://").partition("/")[0]:
            raise ValueError("an address must not hold credentials; put them into a connection and name it")
        return url


class SqlSource(_Entry):
    """One table or view of a database."""

    kind: Literal["sql"] = Field(description="The feed is a table or view of a database.")
    connection: str = Field(min_length=1, description="Name of the connection that reaches the database.")
    table: str = Field(
        description="Table or view, as `table` or `schema.table`. Case counts: names are quoted in use."
    )

    @field_validator("table")
    @classmethod
    def _identifiers(cls, table: str) -> str:
        if not _TABLE.fullmatch(table):
            raise ValueError(
                "must be `table` or `schema.table`, each of letters, digits, _ and $; make a view for a query"
            )
        return table


class NoPaging(_Entry):
    """The whole answer comes at once."""

    kind: Literal["none"] = Field(default="none", description="One request brings everything.")


class NextLink(_Entry):
    """Each page names the address of the next one."""

    kind: Literal["next_link"] = Field(
        description="Each page holds the address of the next; the last holds none."
    )
    field: str = Field(
        default="",
        description="Dotted path of the next address in the body. Empty: the Link header with rel=next.",
    )


class PageNumber(_Entry):
    """Pages are numbered; the first short or empty one is the last."""

    kind: Literal["page"] = Field(description="Pages are asked for by number, up to a short or an empty one.")
    param: str = Field(min_length=1, description="Query parameter that takes the page number.")
    start: int = Field(default=1, ge=0, description="Number of the first page.")
    size_param: str | None = Field(
        default=None,
        min_length=1,
        description="Query parameter that takes the page size, where the service has one.",
    )
    size: int | None = Field(
        default=None,
        ge=1,
        description="Records on a full page. Without it, only an empty page is taken for the end.",
    )

    @model_validator(mode="after")
    def _size_is_given(self) -> PageNumber:
        if self.size_param and self.size is None:
            raise ValueError("`size_param` needs `size`: the number of records to ask for")
        return self


class Cursor(_Entry):
    """Each page holds a mark that brings the next one."""

    kind: Literal["cursor"] = Field(description="Each page holds a cursor for the next; the last holds none.")
    param: str = Field(min_length=1, description="Query parameter that takes the cursor.")
    field: str = Field(min_length=1, description="Dotted path of the cursor in the body.")


Paging = Annotated[NoPaging | NextLink | PageNumber | Cursor, Field(discriminator="kind")]


class HttpSource(_Entry):
    """Records that a web service gives as JSON."""

    kind: Literal["http"] = Field(description="The feed is a web service that answers in JSON.")
    connection: str = Field(
        min_length=1, description="Name of the connection with the address and the credentials."
    )
    path: str = Field(description="Path below the connection's address, from a slash, such as /v1/outputs.")
    records: str = Field(
        default="", description="Dotted path of the list of records in the body. Empty: the body is the list."
    )
    paging: Paging = Field(
        default=NoPaging(), description="How the service spreads its records over several answers."
    )
    since_param: str | None = Field(
        default=None,
        min_length=1,
        description="Query parameter that takes the earliest wanted date (YYYY-MM-DD), if there is one.",
    )
    timeout_seconds: float = Field(
        default=30,
        gt=0,
        le=3600,
        description="Longest time that one request may take, its answer included, in seconds.",
    )

    @field_validator("path")
    @classmethod
    def _stays_on_the_host(cls, path: str) -> str:
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError("must start with one slash; the host is the connection's")
        return path


Source = Annotated[FilesSource | SqlSource | HttpSource, Field(discriminator="kind")]
