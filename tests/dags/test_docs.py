"""`docs/dags.md` says what the DAGs say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sundial.engine.settings import INCLUDE

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


def test_the_page_of_the_dags_is_current(bag: Callable[[Path], DagBag]) -> None:
    from sundial.airflow.docs import dags_page

    written = (INCLUDE.parent / "docs" / "dags.md").read_text(encoding="utf-8")
    made = dags_page(bag(INCLUDE / "systems").dags)
    assert written == made, "make it again: python -m sundial.airflow.docs docs/dags.md"


def test_the_page_names_every_dag_and_every_task(bag: Callable[[Path], DagBag]) -> None:
    from sundial.airflow.docs import dags_page

    found = bag(INCLUDE / "systems").dags
    page = dags_page(found)
    for dag in found.values():
        assert f"`{dag.dag_id}`" in page
        for task in dag.tasks:
            assert f"| `{task.task_id}` |" in page
    flow = ["pull", "gate", "profile", "effectiveness", "record", "judge", "ask"]
    places = [page.index(f"| `{task}` |") for task in flow]
    assert places == sorted(places), "in the order of the flow"
