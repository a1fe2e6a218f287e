"""Figures for dashboards, through Airflow's own metrics: whatever sends those, OpenTelemetry or StatsD.

A backend without tags would overwrite one system's gauge by another's: there the tags are parts of the name.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

from sundial.engine.clock import WEEK, last_complete_week

if TYPE_CHECKING:
    from sundial.engine.run import Run
    from sundial.register.models import System
    from sundial.store.database import Database

PREFIX = "sundial"
A_DAY_TO_RUN = timedelta(days=1)
"""A week counts as behind a day after it could be judged."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gauge:
    """One figure as it is now.

    Attributes:
        name: what it is, such as "findings".
        tags: of what, by name, in the order in which they become parts of a name.
    """

    name: str
    value: float
    tags: Mapping[str, str] = field(default_factory=dict)


def tell(measured: Callable[[], Iterable[Gauge]]) -> None:
    """Sends gauges to whatever Airflow sends its metrics to.

    It raises nothing: a dashboard that cannot be reached is no failure of a task.
    """
    try:
        tagged = _takes_tags()
        for gauge in measured():
            tags = {name: stats.normalize_name_for_stats(tag, False) for name, tag in gauge.tags.items()}
            parts = [PREFIX, gauge.name, *([] if tagged else tags.values())]
            stats.gauge(".".join(parts), gauge.value, tags=tags if tagged else None)
    except Exception as error:  # noqa: BLE001 - see above
        _log.warning("Metrics could not be sent: %s: %s", type(error).__name__, error)


def of_run(run: Run) -> Iterator[Gauge]:
    """Returns what a run of a monitor leaves: findings by status, weeks behind, freshness of each feed."""
    from sundial.gate.gate import Gate
    from sundial.gate.judged import partitions_of
    from sundial.store.records import Status
    from sundial.store.results import Results

    results, system, as_of = Results(run.database), run.system.id, run.clock.as_of
    last = results.last_judged_week(system)
    if last is not None:
        counted = Counter(finding.status for finding in results.findings(system, last))
        for status in Status:
            yield Gauge("findings", counted[status], {"system": system, "status": status.value})
        yield Gauge("weeks_behind", weeks_behind(last, as_of), {"system": system})
    gate = Gate(run.system, run.lake)
    for feed in run.feeds:
        days = partitions_of(gate.manifests(feed))
        if days:
            old = max(0, (as_of - max(days)).days)
            yield Gauge("freshness_days", old, {"system": system, "feed": feed})


def of_city(database: Database, systems: Mapping[str, System], today: date) -> Iterator[Gauge]:
    """Returns what waits for people, and how far behind each system is whose monitor runs by itself.

    A monitor that does not run cannot tell that it is late: so this is told apart from it.
    """
    from sundial.store.cases import Cases
    from sundial.store.incidents import Incidents
    from sundial.store.overview import overview
    from sundial.sunset.incidents import State, standing

    opened = [episode.opened_as_of for episode in Cases(database).open_episodes()]
    yield Gauge("open_cases", len(opened))
    yield Gauge("oldest_case_days", max(((today - day).days for day in opened), default=0))
    incidents = Incidents(database)
    states = [standing(incidents, one.id).state for one in incidents.incidents()]
    yield Gauge("open_incidents", sum(state is not State.CLOSED for state in states))
    for system, (last, _) in overview(database).latest.items():
        if system in systems and systems[system].schedule != "manual":
            yield Gauge("weeks_behind", weeks_behind(last, today - A_DAY_TO_RUN), {"system": system})


def weeks_behind(last: date, as_of: date) -> int:
    """Returns how many complete weeks up to a day come after the last judged one, given its Monday."""
    return max(0, (last_complete_week(as_of) - last) // WEEK)


def _takes_tags() -> bool:
    """Returns whether the backend keeps tags; of several that are on, Airflow takes the first of these."""
    if conf.getboolean("metrics", "statsd_datadog_enabled"):
        return bool(conf.getboolean("metrics", "statsd_datadog_metrics_tags", fallback=True))
    if conf.getboolean("metrics", "statsd_on"):
        return bool(conf.getboolean("metrics", "statsd_influxdb_enabled", fallback=False))
    return bool(conf.getboolean("metrics", "otel_on"))
