"""Writing the generated data of the example systems to where their register entries look for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sundial.examples.catalogue import EXAMPLES
from sundial.examples.faults import Fault
from sundial.lake import Lake
from sundial.register.load import load_system
from sundial.register.source import FilesSource


class ExamplesError(Exception):
    """The examples cannot be written; the message says why and what to do."""


def write_examples(
    folder: Path, register: Path, weeks: int, seed: int, fault: Fault | None
) -> Iterator[tuple[Path, int]]:
    """Writes the files of every example that the register has, and yields each with its rows.

    Args:
        folder: what the entries' addresses are relative to; made if it is not there.
        register: the folder of register files.
        weeks: how many weeks there are, from the first generated one on.
        seed: the same one gives the same rows.
        fault: seeded into the examples that it fits; None for none.

    Raises:
        ExamplesError: the register has no example, or a file cannot be written.
        RegisterError: an example's entry is wrong.
    """
    entries = {name: register / f"{name}.yaml" for name in EXAMPLES}
    there = {name: path for name, path in entries.items() if path.exists()}
    if not there:
        raise ExamplesError(
            f"{register} has none of {', '.join(entries)}; name the register that came with Sundial"
        )
    lake = Lake(str(folder))
    for name, path in there.items():
        system, example = load_system(path), EXAMPLES[name]
        faults = [fault] if fault is not None and fault.name in example.faults else []
        for feed, rows in example.generator.feeds(seed, weeks, faults).items():
            source = getattr(system.feeds, feed).source
            if not isinstance(source, FilesSource):
                raise ExamplesError(
                    f"{path}: feeds.{feed}.source: is no file; restore the entry that came with Sundial"
                )
            try:
                _write(lake, source, rows)
            except OSError as error:
                raise ExamplesError(f"{folder / source.url}: cannot be written: {error.strerror}") from error
            yield folder / source.url, len(rows)


def without(fault: Fault) -> Sequence[str]:
    """Returns the examples that a fault does not fit."""
    return [name for name, example in EXAMPLES.items() if fault.name not in example.faults]


def _write(lake: Lake, source: FilesSource, rows: pd.DataFrame) -> None:
    match source.format:
        case "parquet":
            lake.put_table(source.url, pa.Table.from_pandas(rows, preserve_index=False))
        case "csv":
            lake.put(source.url, rows.to_csv(index=False).encode())
        case "jsonl":
            lines = (json.dumps(row, default=str) for row in rows.to_dict("records"))
            lake.put(source.url, "".join(f"{line}\n" for line in lines).encode())
