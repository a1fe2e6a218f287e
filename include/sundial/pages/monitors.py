"""From a DAG, a run or a task of Airflow's to the pages of its system; Airflow shows these as tabs."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from sundial.engine.clock import week_name
from sundial.pages.frame import Visit, Visiting
from sundial.register.principles import Principle
from sundial.store.results import Results

router = APIRouter(prefix="/dags/{dag_id}")

_DATA = ("pull", "gate", "profile")


@router.get("", response_class=HTMLResponse)
def of_dag(visit: Visiting, dag_id: str) -> Response:
    """The system that the DAG monitors."""
    return _go(visit, dag_id, "", "")


@router.get("/tasks/{task_id}", response_class=HTMLResponse)
def of_task(visit: Visiting, dag_id: str, task_id: str) -> Response:
    """The latest findings of the task's principle."""
    return _go(visit, dag_id, task_id, "")


@router.get("/runs/{run_id:path}/tasks/{task_id}", response_class=HTMLResponse)
def of_task_instance(visit: Visiting, dag_id: str, run_id: str, task_id: str) -> Response:
    """What this run found of the task's principle."""
    return _go(visit, dag_id, task_id, run_id)


@router.get("/runs/{run_id:path}", response_class=HTMLResponse)
def of_run(visit: Visiting, dag_id: str, run_id: str) -> Response:
    """What this run found."""
    return _go(visit, dag_id, "", run_id)


def _go(visit: Visit, dag_id: str, task_id: str, run_id: str) -> Response:
    system = next((name for name in visit.systems if visit.site.dag_of(name) == dag_id), None)
    if system is None:
        return visit.page("no_system.html.j2", dag_id=dag_id)
    page = "/data" if task_id in _DATA else f"/{task_id}" if task_id in list(Principle) else ""
    query = ""
    if run_id and page != "/data":
        weeks = [one.week for one in Results(visit.city.store).judged(system) if one.run_id == run_id]
        if not weeks:
            return visit.page("no_week.html.j2", run_id=run_id, link=f"{visit.base}/systems/{system}{page}")
        query = f"?week={week_name(weeks[-1])}"
    return RedirectResponse(f"{visit.base}/systems/{system}{page}{query}", 303)
