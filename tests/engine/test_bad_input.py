"""Bad input: a clear error where it belongs, and everything else goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from towns import FIRST, OUTCOMES, WEEK, Town, only, parquet, rows_of, town_at

from sundial.engine.discover import enabled
from sundial.engine.run import Run
from sundial.gate.errors import ContractError
from sundial.gate.gate import Gate
from sundial.register.principles import Principle
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceBroken, SourceError, SourceRefused, SourceUnreachable
from sundial.store.records import Finding, Status

pytestmark = pytest.mark.slow

SUNDAY = FIRST + timedelta(days=6)
GOOD, BAD = SUNDAY + 6 * WEEK, SUNDAY + 7 * WEEK
"""Both feeds are whole as of the first; the second run meets the bad input."""

Spoil = Callable[[Town], Town]


def outcomes(town: Town) -> Path:
    return town.folder / "outcomes.parquet"


def unknown_column(town: Town) -> Town:
    parquet(outcomes(town), rows_of(8)[OUTCOMES].rename(columns={"broken": "defect"}))
    return town


def missing_file(town: Town) -> Town:
    outcomes(town).unlink()
    return town


def empty_file(town: Town) -> Town:
    outcomes(town).write_bytes(b"")
    return town


def truncated_parquet(town: Town) -> Town:
    content = outcomes(town).read_bytes()
    outcomes(town).write_bytes(content[: len(content) // 2])
    return town


def changed_csv(town: Town) -> Town:
    path = town.folder / "outcomes.csv"
    rows_of(8)[OUTCOMES].rename(columns={"known_on": "known"}).to_csv(path, index=False)
    return town.changed(outcomes={"source": {"kind": "files", "url": str(path), "format": "csv"}})


def changed_type(town: Town) -> Town:
    parquet(outcomes(town), rows_of(8)[OUTCOMES].assign(broken="yes"))
    return town


def no_connection(town: Town) -> Town:
    return town.changed(outcomes={"source": {"kind": "sql", "connection": "nowhere", "table": "outcomes"}})


SPOILT: list[tuple[Spoil, type[SourceError], str]] = [
    (unknown_column, SourceBroken, "has no column broken"),
    (missing_file, SourceBroken, "outcomes.parquet"),
    (empty_file, SourceBroken, "outcomes.parquet"),
    (truncated_parquet, SourceBroken, "outcomes.parquet"),
    (changed_csv, SourceBroken, "has no column known_on"),
    (changed_type, SourceBroken, "column broken was number and is now text"),
    (no_connection, SourceBroken, "no connection 'nowhere'"),
]


@pytest.mark.parametrize(
    ("spoil", "error", "says"), SPOILT, ids=lambda value: getattr(value, "__name__", None)
)
def test_outcomes_that_break_leave_the_rest_measured(
    town: Town, spoil: Spoil, error: type[SourceError], says: str
) -> None:
    town.give(rows_of(7))
    town.measure(GOOD)
    town.give(rows_of(8))
    spoilt = spoil(town)
    with pytest.raises(error, match="street-lights · outcomes") as raised:
        spoilt.run(BAD).pull()
    assert says in str(raised.value)
    assert "lamp-0" not in str(raised.value)
    assert_only_outcomes_are_errors(spoilt.measure(BAD), str(raised.value))


BY_OUTCOMES = {
    "drift.concept",
    *(f"effectiveness.{name}" for name in ("rates", "ranking", "quality", "coverage", "estimated")),
}


def assert_only_outcomes_are_errors(found: tuple[Finding, ...], reason: str) -> None:
    wrong = {f.metric for f in found if f.status is Status.ERROR}
    by_outcomes = {"true_positive_rate", "false_positive_rate"}
    expected = {"measured", *by_outcomes, *(f"{m}_difference" for m in by_outcomes)}
    assert wrong == {*expected, "equalized_odds_difference", "equalized_odds_ratio", "refused_share"}
    assert {f.reason for f in found if f.status is Status.ERROR} == {reason}
    failed = {f.check for f in found if f.metric == "measured" and f.status is Status.ERROR}
    assert failed == BY_OUTCOMES
    assert only(found, "score_share_change").status is Status.OK
    assert only(found, "selection_rate_difference", by="area").estimate is not None
    assert only(found, "refused_share", feed="outputs").status is Status.OK


def test_outcomes_that_come_back_are_counted_in_full(town: Town) -> None:
    town.give(rows_of(8))
    town.measure(GOOD)
    outcomes(town).rename(town.folder / "away")
    town.measure(BAD)
    (town.folder / "away").rename(outcomes(town))
    town.measure(BAD + WEEK)
    weeks = town.results.evidence("street-lights")["effectiveness.rates:accuracy@0.6"]
    assert sum(counts[1] for _, counts in weeks) == 320


def test_outputs_that_break_are_an_error_of_every_check_that_needs_them(town: Town) -> None:
    town.give(rows_of(7))
    town.measure(GOOD)
    (town.folder / "outputs.parquet").unlink()
    found = town.measure(BAD)
    wrong = {f.check for f in found if f.status is Status.ERROR}
    assert {
        "drift.score",
        "equity.groups",
        "effectiveness.rates",
        "security_and_safety.refused_rows",
    } <= wrong
    assert only(found, "ai_review_age").status is Status.WATCH


def test_that_all_rows_are_refused_from_the_first_day_on_is_told(tmp_path: Path) -> None:
    town = town_at(tmp_path, outputs={"prediction": "chosen"})
    parquet(town.folder / "outputs.parquet", rows_of(7, 60).assign(chosen=2))
    parquet(town.folder / "outcomes.parquet", rows_of(7, 60))
    found = town.measure(GOOD)
    refused = only(found, "refused_share", feed="outputs")
    assert (refused.status, refused.estimate) == (Status.BREACH, 1.0)
    assert list(refused.details["reasons"]) == ["chosen is neither 0 nor 1"]
    reasons = {f.reason for f in found if f.check == "drift.score"}
    assert reasons == {
        "No outputs have been accepted yet; 420 were refused, see security_and_safety.refused_rows."
    }


def test_another_system_is_not_harmed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    broken, whole = town_at(tmp_path / "a"), town_at(tmp_path / "b", id="traffic-lights")
    whole.give(rows_of(7))
    shared = replace(broken, folder=whole.folder)  # one lake and one store
    shared.measure(GOOD)
    found = whole.measure(GOOD)
    assert not [f.key for f in found if f.status is Status.ERROR]


ROWS: list[tuple[str, object, str]] = [
    ("lit_on", date(2099, 1, 1), "the date lies in the future: it is judged again when the day has come"),
    ("id", "lamp-000001", "the key occurs more than once: outputs need a key of their own"),
]


@pytest.mark.parametrize(("column", "value", "reason"), ROWS)
def test_a_bad_row_is_refused_and_the_others_are_measured(
    town: Town, column: str, value: object, reason: str
) -> None:
    rows = rows_of(7)
    rows.loc[0, column] = value
    town.give(rows, rows_of(7))
    found = town.measure(GOOD + WEEK)
    share = only(found, "refused_share", feed="outputs")
    assert share.details["reasons"] == {reason: share.details["in_quarantine"]}
    assert not [f.key for f in found if f.status is Status.ERROR]


def test_an_outcome_of_an_unknown_id_is_refused_and_the_others_are_measured(town: Town) -> None:
    rows = rows_of(7)
    truth = rows.copy()
    truth.loc[0, "id"] = "lamp-nobody-knows"
    town.give(rows, truth)
    found = town.measure(GOOD + WEEK)
    assert only(found, "refused_share", feed="outcomes").details["in_quarantine"] == 1
    assert only(found, "accuracy").n is not None


def test_a_contract_that_cannot_run_is_an_error_of_its_feed_only(town: Town) -> None:
    wrong = {"type": "expect_column_values_to_shine", "with": {"column": "broken"}}
    town.give(rows_of(8))
    town.measure(GOOD)
    found = town.changed(outcomes={"contract": [wrong]}).measure(BAD)
    reasons = {f.check: f.reason for f in found if f.status is Status.ERROR}
    assert "there is no expectation expect_column_values_to_shine" in reasons["effectiveness.rates"]
    assert "drift.score" not in reasons
    assert Gate(town.system, town.lake).manifests("outputs")


def test_a_contract_that_cannot_run_on_day_one_says_so_and_outcomes_wait_for_their_outputs(
    town: Town,
) -> None:
    wrong = {"type": "expect_column_values_to_shine", "with": {"column": "score"}}
    dark = town.changed(outputs={"contract": [wrong]})
    dark.give(rows_of(7))
    run = dark.run(GOOD)
    run.pull()
    with pytest.raises(ContractError, match=r"street-lights · outputs: .* expect_column_values_to_shine"):
        run.gate()
    assert_nothing_is_accepted_yet(run)
    assert_every_check_speaks_without_error(town, GOOD)


def test_outputs_that_are_missing_on_day_one_leave_outcomes_waiting_for_them(town: Town) -> None:
    town.give(rows_of(7))
    path = town.folder / "outputs.parquet"
    path.rename(town.folder / "away")
    run = town.run(GOOD)
    with pytest.raises(SourceBroken, match=r"outputs\.parquet"):
        run.pull()
    assert run.gate()["outcomes"] == 240
    assert_nothing_is_accepted_yet(run)
    (town.folder / "away").rename(path)
    assert_every_check_speaks_without_error(town, GOOD)


def assert_nothing_is_accepted_yet(run: Run) -> None:
    gate = Gate(run.system, run.lake)
    assert not gate.manifests("outputs")
    assert {(m.accepted, m.refused) for m in gate.manifests("outcomes")} == {(0, 240)}
    assert run.profile() == 0
    for principle in Principle:
        run.check(principle)


def assert_every_check_speaks_without_error(town: Town, as_of: date) -> None:
    found = town.measure(as_of)
    assert {check.name for check in enabled(town.system)} == {f.check for f in found if "." in f.check}
    assert not [f.reason for f in found if f.status is Status.ERROR]


def test_bad_credentials_are_refused_without_naming_them(town: Town, postgres_database: str) -> None:
    url = sa.make_url(postgres_database)
    frame = rows_of(8)[OUTCOMES]
    engine = sa.create_engine(url)
    frame.to_sql("outcomes", engine, index=False)
    engine.dispose()
    town.give(rows_of(7))
    town.measure(GOOD)
    connection = Connection(
        "postgres", str(url.host), url.port, str(url.username), "a-wrong-password", str(url.database)
    )
    asked = town.changed(outcomes={"source": {"kind": "sql", "connection": "truth", "table": "outcomes"}})
    asked = replace(asked, connections={"truth": connection})
    with pytest.raises(SourceRefused) as raised:
        asked.run(BAD).pull()
    assert "wrong-password" not in str(raised.value)
    assert_only_outcomes_are_errors(asked.measure(BAD), str(raised.value))


@contextmanager
def silent_server() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:  # closed: the test is over
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield int(server.getsockname()[1])
        for one in taken:
            one.close()


def test_a_source_that_hangs_is_given_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    town.give(rows_of(8))
    town.measure(GOOD)
    with silent_server() as port:
        source = {"kind": "http", "connection": "truth", "path": "/outcomes", "timeout_seconds": 0.2}
        asked = town.changed(outcomes={"source": source})
        asked = replace(asked, connections={"truth": Connection("http", "127.0.0.1", port)})
        with pytest.raises(SourceUnreachable, match="street-lights · outcomes"):
            asked.run(BAD).pull()
        found = asked.measure(BAD)
    failed = {f.check for f in found if f.metric == "measured" and f.status is Status.ERROR}
    assert failed == BY_OUTCOMES


def test_text_where_a_date_should_be_names_column_and_remedy(town: Town) -> None:
    town.give(rows_of(1).assign(lit_on="soon"))
    with pytest.raises(SourceBroken, match="column lit_on has text that is no ISO date; send YYYY-MM-DD"):
        town.run(SUNDAY).pull()


def test_a_column_that_turns_empty_is_seen(town: Town) -> None:
    rows = rows_of(8)
    rows["kind"] = rows["kind"].where(pd.Series(range(len(rows))) < 280, None)
    town.give(rows)
    found = town.measure(SUNDAY + 8 * WEEK)
    assert only(found, "missing_share", column="kind").status in (Status.WATCH, Status.BREACH)
    assert not [f.key for f in found if f.status is Status.ERROR]
