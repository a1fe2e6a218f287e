"""Makes `docs/dags.md` from what the DAGs say: `python -m sundial.airflow.docs docs/dags.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, CronPartitionTimetable, PartitionedAssetTimetable

from sundial.airflow import register_errors
from sundial.airflow.names import monitor_id
from sundial.engine.settings import INCLUDE

HEADER = """# The DAGs

Made by `python -m sundial.airflow.docs docs/dags.md` from the DAGs themselves: change their texts, not this
page.
"""
DAGS = INCLUDE.parent / "dags"


def dags_page(dags: Mapping[str, DAG]) -> str:
    """Returns the page as Markdown: a table of all DAGs, then each with its tasks in the order of the flow.

    Args:
        dags: by id, as a DagBag has them; the monitors share one section, since their tasks are the same.
    """
    monitors = [dags[name] for name in sorted(dags) if name.startswith(monitor_id(""))]
    others = [dags[name] for name in sorted(dags) if not name.startswith(monitor_id(""))]
    rows = [f"| `{dag.dag_id}` | {dag.dag_display_name} | {_schedule(dag)} |" for dag in [*monitors, *others]]
    parts = [HEADER, "| DAG | name | runs |\n|---|---|---|\n" + "\n".join(rows) + "\n"]
    if monitors:
        parts.append(f"## `{monitor_id('<system>')}`\n\nOne for each file of the register.\n")
        parts.append(_tasks(monitors[0]))
        parts += [f"### `{dag.dag_id}`\n\n{str(dag.doc_md).strip()}\n" for dag in monitors]
    for dag in others:
        parts += [f"## `{dag.dag_id}`\n\n{str(dag.doc_md).strip()}\n", _tasks(dag)]
    parts.append(f"## `register_errors`\n\n{str(register_errors.__doc__).strip()}\n")
    return "\n".join(parts)


def _schedule(dag: DAG) -> str:
    schedule: Any = dag.schedule
    match schedule:
        case None:
            return "when asked for"
        case CronPartitionTimetable():
            return f"`{schedule.expression}` {schedule.timezone}, keyed by the day before"
        case PartitionedAssetTimetable():
            asset: Any = schedule.asset_condition
            return f"for each event of `{asset.name}`"
        case _:
            return f"`{schedule}`"


def _tasks(dag: DAG) -> str:
    rows = [f"| `{task.task_id}` | {_after(task)} | {str(task.doc_md).strip()} |" for task in _in_order(dag)]
    return "| task | after | what it does |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _after(task: Any) -> str:
    groups = {upstream.task_group.group_id or upstream.task_id for upstream in task.upstream_list}
    return ", ".join(f"`{name}`" for name in sorted(groups)) or "–"


def _in_order(dag: DAG) -> Sequence[Any]:
    """Returns the tasks as they run; those that run together in the order of their definition."""
    done: list[Any] = []
    waiting: Iterable[Any] = list(dag.tasks)
    while waiting:
        ready = [task for task in waiting if task.upstream_task_ids <= {other.task_id for other in done}]
        done += ready
        waiting = [task for task in waiting if task not in ready]
    return done


def main(target: Path) -> None:
    """Writes the page of the checkout's DAGs."""
    target.write_text(dags_page(DagBag(dag_folder=str(DAGS)).dags), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
