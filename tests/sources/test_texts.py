"""Texts of outputs: what is said of them is landed, and they are nowhere."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import pytest
from towns import FIRST, WEEK, Town, parquet, rows_of

from sundial.gate.gate import Gate
from sundial.register.used import needed_columns
from sundial.sources.errors import SourceBroken
from sundial.sources.landing import Batch, Landing

SUNDAY = FIRST + timedelta(days=6)
ANSWERS = (
    "Zebrawood: your lamp is mended within ten days.",
    "Zebrawood: Ana Ruiz lives there, call (669) 234-5678 or ana.ruiz@example.com.",
    "Zebrawood: call the City, 408-535-3500, or mail lamps@sanjoseca.gov.",
    None,
)
REASONS = ("Quetzal: reported twice this week.", " \t\u00a0", None)
NAMED = {
    "text": {
        "column": "answer",
        "phones": ["(408) 535-3500"],
        "email_domains": ["sanjoseca.gov"],
    },
    "explanation": "why",
    "marked": "marked",
}
SECRETS = ("Zebrawood", "Ana Ruiz", "Quetzal", "234-5678", "example.com", "sanjoseca", "535-3500")


def answered(weeks: int = 1) -> pd.DataFrame:
    rows = rows_of(weeks)
    rows["answer"] = [ANSWERS[place % 4] for place in rows.index]
    rows["why"] = [REASONS[place % 3] for place in rows.index]
    rows["marked"] = [int(place % 5 > 0) for place in rows.index]
    return rows


def give(town: Town, rows: pd.DataFrame) -> None:
    parquet(town.folder / "outputs.parquet", rows)
    parquet(town.folder / "outcomes.parquet", rows[["id", "known_on", "broken"]])


def batches(town: Town) -> list[Batch]:
    return [*Landing(town.lake, town.system.id, "outputs").batches()]


def landed(town: Town) -> pd.DataFrame:
    landing = Landing(town.lake, town.system.id, "outputs")
    return pd.concat(landing.rows(batch.id).to_pandas() for batch in batches(town))


def uncompressed(path: Path) -> bytes:
    """All that a file holds, in the clear: Parquet compresses, and may say a value once for many rows."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    sink = io.BytesIO()
    table = pq.read_table(path)
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue() + path.read_bytes()


def test_what_is_said_of_a_text_is_landed_in_its_place(town: Town) -> None:
    named = town.changed(outputs=NAMED)
    give(named, answered())
    named.pull(SUNDAY)
    rows = landed(named)
    assert set(rows) == {"key", "day", "score", "kind", "area", "marked", "pii", "pii_kinds", "explained"}
    assert rows.groupby(["pii", "pii_kinds"]).size().to_dict() == {(0, "none"): 20, (1, "email,phone"): 10}
    assert rows.loc[rows["pii"].isna(), "pii_kinds"].isna().tolist() == [True] * 10
    assert rows["explained"].value_counts().to_dict() == {0: 26, 1: 14}
    assert rows["marked"].sum() == 32


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_a_text_is_in_no_file_and_not_in_the_store(
    town: Town, form: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = town.folder / f"elsewhere-outputs.{form}"
    source = {"kind": "files", "url": str(path), "format": form}
    named = town.changed(outputs={**NAMED, "source": source})
    rows = answered(6)
    give(named, rows)
    (named.folder / "outputs.parquet").unlink()
    match form:
        case "parquet":
            parquet(path, rows)
        case "csv":
            rows.to_csv(path, index=False)
        case "jsonl":
            rows.astype({"lit_on": str, "known_on": str}).to_json(path, orient="records", lines=True)
    assert b"Zebrawood" in uncompressed(path), "the search finds what is there"
    named.measure(SUNDAY + 5 * WEEK)
    assert sum(batch.rows for batch in batches(named)) == len(rows)
    kept = [file for file in named.folder.rglob("*") if file.is_file() and file.parent != named.folder]
    kept.append(named.folder / "store.db")
    assert len([file for file in kept if "accepted" in file.parts]) > 40
    for file in kept:
        content = uncompressed(file)
        assert not [secret for secret in SECRETS if secret.encode() in content], file
    told = "".join([caplog.text, *capfd.readouterr()])
    assert not [secret for secret in SECRETS[:4] if secret in told]


def test_accepted_rows_have_what_is_said_and_no_more(town: Town) -> None:
    named = town.changed(outputs=NAMED)
    give(named, answered())
    named.pull(SUNDAY)
    gate = Gate(named.system, named.lake)
    gate.judge("outputs", SUNDAY, None)
    paths = [path for paths in gate.partitions("outputs").values() for path in paths]
    rows = pa.concat_tables([named.lake.get_table(path) for path in paths])
    assert rows.num_rows == 40
    assert {"pii", "pii_kinds", "explained", "marked"} <= {*rows.column_names}
    assert {"answer", "why"}.isdisjoint(rows.column_names)
    assert rows["pii"].null_count == 10


def test_a_mark_that_is_neither_0_nor_1_is_refused(town: Town) -> None:
    named = town.changed(outputs=NAMED)
    rows = answered()
    rows.loc[3, "marked"] = 7
    give(named, rows)
    named.pull(SUNDAY)
    (judged,) = Gate(named.system, named.lake).judge("outputs", SUNDAY, None)
    assert judged.refused == 1
    assert [rule.reason for rule in judged.rules if rule.failed] == ["marked is neither 0 nor 1"]


def test_another_allow_list_or_wording_lands_no_row_again(town: Town) -> None:
    named = town.changed(outputs=NAMED)
    give(named, answered())
    assert named.pull(SUNDAY) is not None
    stricter = town.changed(outputs={**NAMED, "text": {"column": "answer"}})
    give(stricter, answered().assign(answer="Call 408-535-3501.", why="Because."))
    assert stricter.pull(SUNDAY) is None


def test_rows_from_before_the_entry_named_the_texts_are_not_landed_again(town: Town) -> None:
    give(town, answered())
    town.pull(SUNDAY)
    named = town.changed(outputs={name: NAMED[name] for name in ("text", "explanation")})
    give(named, answered(2))
    batch = named.pull(SUNDAY + WEEK)
    assert batch is not None
    assert batch.rows == 40
    assert batch.columns["pii_kinds"] == "text"


def test_a_text_is_asked_for_once_and_only_where_it_is_named(town: Town) -> None:
    assert "answer" not in needed_columns(town.system, "outputs")
    wanted = needed_columns(town.changed(outputs=NAMED).system, "outputs")
    assert [wanted.count(column) for column in ("answer", "why", "marked")] == [1, 1, 1]


def test_a_column_that_is_no_text_names_itself_and_the_remedy_and_no_value(town: Town) -> None:
    named = town.changed(outputs=NAMED)
    give(named, answered().assign(answer=[["Zebrawood"]] * 40))
    with pytest.raises(
        SourceBroken, match=r"column answer is list.*no text in UTF-8; have the source"
    ) as raised:
        named.pull(SUNDAY)
    assert "Zebrawood" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("name", ["pii", "pii_kinds", "Explained"])
def test_a_text_under_the_name_of_what_stands_in_its_place_is_refused(town: Town, name: str) -> None:
    named = town.changed(outputs={"explanation": name})
    give(named, rows_of(1).assign(**{name: "Because."}))
    with pytest.raises(SourceBroken, match=f"column {name} has a name that Sundial gives"):
        named.pull(SUNDAY)


@pytest.mark.parametrize("texts", [[None, None], [1, 2]])
def test_a_column_without_any_text_or_of_numbers_is_read_all_the_same(
    town: Town, texts: list[int | None]
) -> None:
    named = town.changed(outputs=NAMED)
    give(named, answered().assign(answer=texts * 20, why=texts * 20))
    named.pull(SUNDAY)
    rows = landed(named)
    assert set(rows["explained"]) == {int(texts[0] is not None)}
    assert rows["pii"].isna().all() == (texts[0] is None)
