"""`sundial new system`: from a file to an entry that validates and can be tried."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.cli.new_system import questions
from sundial.register.load import load_system
from sundial.register.models import System

FIRST = date(2025, 1, 6)
WEEKS = 16
OPTIONS = ["--department", "Transportation", "--owner", "Ana Ruiz", "--email", "ana.ruiz@city.gov"]


@pytest.fixture(autouse=True)
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    secret = json.dumps({"conn_type": "generic", "password": "of this test only"})
    monkeypatch.setenv("AIRFLOW_CONN_SUNDIAL_PSEUDONYM", secret)
    monkeypatch.setenv("SUNDIAL_REGISTER", str(tmp_path / "systems"))
    monkeypatch.setenv("SUNDIAL_STORE", f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setenv("SUNDIAL_LAKE", f"{tmp_path}/lake")
    (tmp_path / "systems").mkdir()
    return tmp_path


def rows() -> pd.DataFrame:
    """Outputs of some weeks as a department would send them."""
    n = WEEKS * 70
    place = pd.Series(range(n))
    return pd.DataFrame(
        {
            "report_id": "r-" + place.astype(str),
            "ranked_on": [FIRST + timedelta(days=p // 70 * 7 + p % 7) for p in range(n)],
            "urgency": place * 37 % 100 / 100,
            "channel": (place % 3).map({0: "web", 1: "phone", 2: "desk"}),
            "district": "D" + (place % 5).astype(str),
            "language": (place % 4 == 0).map({True: "es", False: "en"}),
            "words": place * 7 % 200 + 3,
            "model_version": (place < n // 2).map({True: "1.0", False: "1.1"}),
            "note": "free text no. " + place.astype(str),
        }
    )


def written(folder: Path, frame: pd.DataFrame, form: str = "parquet") -> Path:
    path = folder / f"outputs.{form}"
    if form == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path


def ask(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(app, ["new", "system", *arguments], input=answers)


def by_options(folder: Path, data: Path, *more: str, name: str = "light-triage") -> Result:
    options = ["--id", name, "--data", str(data), *OPTIONS, "--yes", "--not-prohibited"]
    return ask(*options, "--metric", "precision", *more)


def entry(folder: Path, name: str = "light-triage") -> System:
    return load_system(folder / "systems" / f"{name}.yaml")


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_scripts_take_the_proposals(city: Path, form: str) -> None:
    done = by_options(city, written(city, rows(), form))
    assert done.exit_code == 0, done.output
    made = entry(city)
    outputs = made.feeds.outputs
    assert outputs is not None
    assert (outputs.key, outputs.date, outputs.model_version) == ("report_id", "ranked_on", "model_version")
    assert outputs.score is not None
    assert (outputs.score.column, outputs.score.low, outputs.score.high) == ("urgency", 0, 1)
    assert (outputs.score.positive_at, outputs.prediction, outputs.cadence) == (0.5, None, "daily")
    assert outputs.categories == ("channel",)
    assert [(n.column, n.low, n.high) for n in outputs.numbers] == [("words", 3, 210)]
    assert made.groups is not None
    assert (made.groups.columns, made.groups.level) == (("language",), "person")
    assert made.schedule == "manual", "no row has come for a long time"
    assert made.baseline is not None
    assert (made.baseline.start, made.baseline.end) == (FIRST, FIRST + timedelta(days=90))
    assert {rule.args["column"] for rule in outputs.contract} == {"urgency", "channel", "language"}
    text = (city / "systems" / "light-triage.yaml").read_text()
    assert '"district", "note"' in text
    assert "also_present" in text
    assert "cannot be measured without outcomes" in done.output  # a warning of validate


def test_data_that_still_come_are_run_daily(city: Path) -> None:
    made = rows()
    late = pd.Timestamp.now().normalize() - pd.to_datetime(made["ranked_on"]).max() - pd.Timedelta(days=3)
    made["ranked_on"] = (pd.to_datetime(made["ranked_on"]) + late).dt.date
    assert by_options(city, written(city, made)).exit_code == 0
    assert entry(city).schedule == "daily"


def test_the_written_entry_can_be_tried(city: Path) -> None:
    assert by_options(city, written(city, rows())).exit_code == 0
    week = str(FIRST + timedelta(weeks=WEEKS - 1))
    tried = CliRunner().invoke(app, ["try", "light-triage", "--week", week, "--json"])
    assert tried.exit_code == 0, tried.output
    found: dict[str, Any] = json.loads(tried.stdout)
    assert found["feeds"]["outputs"] == {"rows": WEEKS * 70, "refused": 0, "error": None}
    assert len(found["findings"]) > 20


def truths(known_after: int = 9) -> pd.DataFrame:
    """What became true of the outputs, all but a few after as many days."""
    made = rows()
    days = (made.index % 300 == 0) * 60 + known_after
    closed = pd.to_datetime(made["ranked_on"]) + pd.to_timedelta(days, unit="D")
    return pd.DataFrame(
        {
            "report_id": made["report_id"],
            "closed_on": closed.dt.date,
            "was_urgent": (made["urgency"] > 0.4).astype(int),
        }
    )


def test_outcomes_are_proposed_with_the_days_that_they_take(city: Path) -> None:
    path = city / "outcomes.csv"
    truths().to_csv(path, index=False)
    done = by_options(city, written(city, rows()), "--outcomes-data", str(path))
    assert done.exit_code == 0, done.output
    assert "cannot be measured without outcomes" not in done.output
    feed = entry(city).feeds.outcomes
    assert feed is not None
    assert (feed.key, feed.outcome, feed.known_on) == ("report_id", "was_urgent", "closed_on")
    assert feed.maturity_days == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"was_urgent": "perhaps"}, "no column of the outcomes has 0 and 1 only"),
        ({"report_id": None}, "the outcomes have no column report_id, the key of the outputs"),
    ],
)
def test_outcomes_that_cannot_be_used_are_told(city: Path, change: dict[str, Any], said: str) -> None:
    path = city / "outcomes.csv"
    truths().assign(**change).dropna(axis="columns", how="all").to_csv(path, index=False)
    done = by_options(city, written(city, rows()), "--outcomes-data", str(path))
    assert done.exit_code == 1
    assert said in done.output
    assert list((city / "systems").iterdir()) == []


def test_people_are_asked_and_may_choose_otherwise(city: Path) -> None:
    data = written(city, rows().assign(flagged=lambda frame: (frame["urgency"] > 0.7).astype(int)))
    no_to_all = "n\n" * len(questions())
    answers = (
        f"light-triage\n\n{data}\n"
        "\n\n\n\n-\n"  # key, date, prediction, score as proposed; no version of the model
        "0,2\nchannel, district\n-\n-\n"
        "Ana Ruiz\nRanks reports of broken lights.\nTransportation\nana.ruiz@city.gov\nservice\n"
        f"The order of repairs.\nUrgent reports are urgent.\nprecision\n0.7\n{no_to_all}\n\n"
    )
    done = ask(answers=answers)
    assert done.exit_code == 0, done.output
    made = entry(city)
    outputs = made.feeds.outputs
    assert outputs is not None
    assert outputs.score is not None
    assert (outputs.prediction, outputs.score.high, outputs.score.positive_at) == ("flagged", 2, None)
    assert (outputs.model_version, outputs.categories, made.groups) == (None, ("channel", "district"), None)
    assert (made.name, made.risk.tier, made.intended_outcome.target) == ("Light triage", "service", 0.7)
    assert made.prohibited_uses.answered_by == "Ana Ruiz"
    for question in questions().values():
        assert question in done.output.replace("\n", " ")


def test_a_number_that_is_none_is_asked_for_again(city: Path) -> None:
    options = ["--id", "light-triage", "--data", str(written(city, rows())), *OPTIONS, "--not-prohibited"]
    done = ask(*options, answers="\n" * 10 + "-\n" + "\n" * 5 + "precision\n85%\n0.85\n\n\n")
    assert done.exit_code == 0, done.output
    assert "'85%' is no number; write it like 0.8" in done.output
    assert entry(city).intended_outcome.target == 0.85


def test_a_path_may_begin_at_home(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(city))
    written(city, rows())
    done = by_options(city, Path("~/outputs.parquet"))
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp/elsewhere", "Lights", "a/b", "x: y", "lights\n"])
def test_an_id_cannot_lead_out_of_the_register(city: Path, name: str) -> None:
    before = sorted(city.rglob("*.yaml"))
    done = by_options(city, written(city, rows()), name=name)
    assert done.exit_code == 1
    assert "is no id" in done.output
    assert sorted(city.rglob("*.yaml")) == before


def test_an_answer_adds_no_field_of_its_own(city: Path) -> None:
    more = ["--tier", "rights\nexample: true", "--schedule", "daily\nstatus: retired", "--decides", "a: b #"]
    assert by_options(city, written(city, rows()), *more).exit_code == 1
    plain = yaml.safe_load((city / "systems" / "light-triage.yaml").read_text())
    assert plain["risk"] == {"tier": "rights\nexample: true", "decides": "a: b #"}
    assert "status" not in plain


def test_a_prohibited_use_writes_nothing_and_is_told_in_the_policys_words(city: Path) -> None:
    options = ["--id", "light-triage", "--data", str(written(city, rows())), *OPTIONS]
    done = ask(*options, "--prohibited-use", "social_scoring", "--yes")
    assert done.exit_code == 1
    assert "the policy prohibits this use: Social scoring, or the use of AI systems to track" in done.output
    assert list((city / "systems").iterdir()) == []


def test_yes_does_not_answer_about_prohibited_uses(city: Path) -> None:
    data = written(city, rows())
    done = ask("--id", "light-triage", "--data", str(data), *OPTIONS, "--yes")
    assert done.exit_code == 2
    assert list((city / "systems").iterdir()) == []


def test_data_with_a_column_of_emotions_is_refused(city: Path) -> None:
    done = by_options(city, written(city, rows().assign(caller_sentiment="positive")))
    assert done.exit_code == 1
    assert "caller_sentiment; the policy prohibits this use: Emotion analysis" in done.output
    assert list((city / "systems").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        ({"report_id": 7, "note": "x"}, [], "no column looks like the key; name it by --key"),
        ({"ranked_on": "soon"}, [], "no column looks like the date; name it by --date"),
        ({"urgency": "high"}, [], "no column looks like the decision; name it by --prediction or --score"),
        ({}, ["--key", "nobody"], "the data has no column nobody; it has"),
        ({}, ["--categories", "chanel"], "the data has no column chanel; did you mean channel?"),
        ({}, ["--groups", "langauge"], "the data has no column langauge; did you mean language?"),
        ({}, ["--prediction", "urgency"], "the column urgency cannot be the prediction; it needs 0 and 1"),
    ],
)
def test_what_cannot_be_is_told_with_the_option(
    city: Path, change: dict[str, Any], more: list[str], said: str
) -> None:
    done = by_options(city, written(city, rows().assign(**change)), *more)
    assert done.exit_code == 1
    assert said in done.output


@pytest.mark.parametrize(
    ("name", "said"),
    [("gone.parquet", "no file matches"), ("outputs.xlsx", "ends with none of .parquet, .csv, .jsonl")],
)
def test_data_that_cannot_be_read_is_told(city: Path, name: str, said: str) -> None:
    done = by_options(city, city / name)
    assert done.exit_code == 1
    assert said in done.output


def test_a_source_without_rows_gives_no_proposals(city: Path) -> None:
    done = by_options(city, written(city, rows()[:0]))
    assert done.exit_code == 1
    assert "has no rows yet" in done.output


def test_an_entry_is_never_written_over(city: Path) -> None:
    data = written(city, rows())
    assert by_options(city, data).exit_code == 0
    again = by_options(city, data)
    assert again.exit_code == 1
    assert "is there already" in again.output


def test_an_entry_with_problems_stays_to_be_mended_and_says_where(city: Path) -> None:
    done = by_options(city, written(city, rows()), "--tier", "high")
    assert done.exit_code == 1
    assert "light-triage.yaml:" in done.output
    assert "risk.tier" in done.output
