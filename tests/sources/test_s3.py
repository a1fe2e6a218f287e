from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem
from source_helpers import ask

from sundial.register.source import FilesSource
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceBroken, SourceRefused, SourceUnreachable

DAYS = [date(2013, 1, 1), date(2013, 1, 2)]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> str:
    store = S3FileSystem(
        key="AKIAKNOWN", secret="s3cret-of-s3", endpoint_url=endpoint, skip_instance_cache=True
    )
    store.mkdir("city")
    for number in (1, 2):
        buffer = io.BytesIO()
        pq.write_table(pa.table({"id": [number * 10, number * 10 + 1], "day": DAYS}), buffer)
        store.pipe_file(f"city/outputs/{number}.parquet", buffer.getvalue())
    store.pipe_file("city/outputs/cut.pq", buffer.getvalue()[:-20])
    store.pipe_file("city/rows.csv", b"id,day\n1,2013-01-01\n2,2013-01-02\n")
    store.pipe_file("city/empty.csv", b"")
    return "city"


def connection(endpoint: str) -> Connection:
    return Connection(
        "aws",
        login="AKIAKNOWN",
        password="s3cret-of-s3",
        extra={"endpoint_url": endpoint, "region_name": "us-east-1"},
    )


def objects(key: str, form: str = "parquet") -> FilesSource:
    return FilesSource.model_validate(
        {"kind": "files", "url": f"s3://{key}", "format": form, "connection": "it"}
    )


def test_parquet_objects_are_found_by_a_glob_and_bounded_by_date(endpoint: str, bucket: str) -> None:
    source = objects(f"{bucket}/outputs/*.parquet")
    table = ask(source, ["id"], since=DAYS[1], by="day", connection=connection(endpoint))
    assert table["id"].to_pylist() == [11, 21]


def test_text_objects_are_read(endpoint: str, bucket: str) -> None:
    table = ask(objects(f"{bucket}/rows.csv", "csv"), ["day", "id"], connection=connection(endpoint))
    assert table.to_pydict() == {"day": DAYS, "id": [1, 2]}


def test_an_object_that_came_after_the_last_pull_is_seen(endpoint: str, bucket: str) -> None:
    source = objects(f"{bucket}/late/*.csv", "csv")
    with pytest.raises(SourceBroken, match="no file matches"):
        ask(source, ["id"], connection=connection(endpoint))
    store = S3FileSystem(key="k", secret="s", endpoint_url=endpoint, skip_instance_cache=True)
    store.pipe_file(f"{bucket}/late/1.csv", b"id\n7\n")
    assert ask(source, ["id"], connection=connection(endpoint))["id"].to_pylist() == [7]


@pytest.mark.parametrize(
    ("key", "form", "message"),
    [
        ("city/none.csv", "csv", "no file matches s3://city/none.csv"),
        ("nowhere/*.csv", "csv", "s3://nowhere/"),
        ("city/empty.csv", "csv", "empty"),
        ("city/outputs/cut.pq", "parquet", "cut.pq cannot be read as the feed's format: cut short"),
    ],
)
def test_an_object_that_cannot_be_read_is_named(
    endpoint: str, bucket: str, key: str, form: str, message: str
) -> None:
    with pytest.raises(SourceBroken, match=message):
        ask(objects(key, form), ["id"], connection=connection(endpoint))


def test_an_unknown_key_is_refused_and_not_shown(endpoint: str, bucket: str) -> None:
    httpx.post(f"{endpoint}/moto-api/reset-auth", content="0")
    try:
        with pytest.raises(SourceRefused, match="may not be read with these credentials") as raised:
            ask(objects(f"{bucket}/rows.csv", "csv"), ["id"], connection=connection(endpoint))
    finally:
        httpx.post(f"{endpoint}/moto-api/reset-auth", content="inf")
    assert "AKIAKNOWN" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_store_that_does_not_answer_is_worth_a_retry() -> None:
    with pytest.raises(SourceUnreachable, match="cannot be reached"):
        ask(objects("city/rows.csv", "csv"), ["id"], connection=connection("http://127.0.0.1:9"))
