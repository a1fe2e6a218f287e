"""How one system stands in one judged week, as its visitor may see it: what its pages have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse

from sundial.engine.clock import WEEK, week_name
from sundial.engine.in_effect import in_effect
from sundial.pages.frame import Visit
from sundial.pages.reading import Change, Point, Series, over_time, series_of, version_changes
from sundial.pages.site import PageError
from sundial.pages.small_cells import for_viewer
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.report.health import WORST_FIRST, PrincipleCell, principle_cell
from sundial.report.page import LOOKS, Look
from sundial.report.people import under_its_subject
from sundial.report.plain import clean, subject
from sundial.store.records import Finding
from sundial.store.register import RegisterRows, Row
from sundial.store.results import Judgement, Results

LONGEST = 104 * WEEK
"""What a chart shows: two years."""


@dataclass(frozen=True)
class Tab:
    """One page of a system."""

    label: str
    path: str
    here: bool
    look: Look | None = None


@dataclass(frozen=True)
class Shown:
    """A finding as a row of a table."""

    finding: Finding
    link: str
    said: str

    @property
    def look(self) -> Look:
        """How its status is shown."""
        return LOOKS[self.finding.status]

    @property
    def subject(self) -> str:
        """The measure, and of whom."""
        return subject(self.finding)


@dataclass(frozen=True)
class Standing:
    """One system in one week.

    Attributes:
        system: the entry in effect today.
        rows: the ledger's rows of the system.
        judged: its judged weeks, the oldest first.
        week: the one that is shown; None where none was judged.
        findings: of that week, as the visitor may see them.
    """

    visit: Visit
    system: System
    rows: Sequence[Row]
    judged: Sequence[Judgement]
    week: date | None
    findings: Sequence[Finding]

    @property
    def link(self) -> str:
        """The address of the system's first page."""
        return f"{self.visit.base}/systems/{self.system.id}"

    @property
    def latest(self) -> date | None:
        """Monday of the last judged week."""
        return self.judged[-1].week if self.judged else None

    @property
    def behind(self) -> int:
        """Weeks that are due and not judged."""
        return max(0, (self.visit.city.week - self.latest) // WEEK) if self.latest else 0

    @property
    def asked(self) -> str:
        """The query that keeps an earlier week; empty for the last one."""
        return f"?week={week_name(self.week)}" if self.week and self.week != self.latest else ""

    def of(self, principle: Principle) -> Sequence[Finding]:
        """Returns the principle's findings, the gravest status first."""
        own = [finding for finding in self.findings if finding.principle == principle]
        return sorted(own, key=lambda f: (WORST_FIRST.index(f.status), f.check, f.metric, f.slice))

    def cell(self, principle: Principle) -> PrincipleCell:
        """Returns how the principle stands."""
        counted = Counter(finding.status for finding in self.of(principle))
        past = self.behind or self.week != self.latest
        return principle_cell(
            principle,
            tuple((status, counted[status]) for status in WORST_FIRST if counted[status]),
            week_name(self.week) if self.week and past else "",
        )

    def shown(self, finding: Finding) -> Shown:
        """Returns a finding with the address of its page."""
        address = f"{self.link}/findings/{week_name(finding.week)}/{finding.id}"
        return Shown(finding, address, under_its_subject(finding, self.system))

    def tabs(self, here: str) -> Sequence[Tab]:
        """Returns the pages of the system, of which `here` is the one that is open."""
        own = [
            Tab(one.label, f"{self.link}/{one.value}{self.asked}", here == one.value, self.cell(one).looks[0])
            for one in Principle
        ]
        return [
            Tab("Overview", f"{self.link}{self.asked}", here == "overview"),
            *own,
            Tab("Data", f"{self.link}/data", here == "data"),
            Tab("Record", f"{self.link}/record", here == "record"),
        ]

    def weeks_around(self) -> Mapping[str, str]:
        """Returns the names of the judged weeks before and after the one that is shown, where there are."""
        weeks = [judgement.week for judgement in self.judged]
        if self.week is None:
            return {}
        place = weeks.index(self.week)
        around = {"before": place - 1, "after": place + 1}
        return {name: week_name(weeks[n]) for name, n in around.items() if 0 <= n < len(weeks)}

    def over_time(self, asked: Sequence[Finding]) -> Mapping[Series, Sequence[Point]]:
        """Returns the two years up to the shown week of each finding's measure."""
        if self.week is None:
            return {}
        return over_time(
            self.visit.city.store,
            self.system.id,
            map(series_of, asked),
            self.week - LONGEST,
            self.week,
            sees_small=self.visit.visitor.sees_small_cells,
        )

    def versions(self) -> Sequence[Change]:
        """Returns the new versions of the model that its findings name."""
        if self.week is None:
            return ()
        return version_changes(self.visit.city.store, self.system.id, self.week - LONGEST, self.week)

    def page(self, template: str, here: str, **more: Any) -> HTMLResponse:
        """Returns one of the system's pages."""
        dag = f"/dags/{quote(self.visit.site.dag_of(self.system.id), safe='')}"
        return self.visit.page(
            template,
            standing=self,
            system=self.system,
            tabs=self.tabs(here),
            around=self.weeks_around(),
            dag=self.visit.site.airflow(dag),
            **more,
        )


def standing(visit: Visit, system_id: str, week: str = "") -> Standing:
    """Returns how a system stands in a week such as "2015-W05", by default the last judged one.

    Raises:
        PageError: there is no such system for the visitor, or the week was not judged.
    """
    written = visit.system(system_id)
    store = visit.city.store
    results = Results(store)
    judged = results.judged(system_id)
    rows = RegisterRows(store).rows(system_id)
    chosen = _chosen(judged, week)
    found = results.findings(system_id, chosen) if chosen else ()
    return Standing(
        visit=visit,
        system=in_effect(written, rows, visit.city.today),
        rows=rows,
        judged=judged,
        week=chosen,
        findings=found if visit.visitor.sees_small_cells else for_viewer(found),
    )


def _chosen(judged: Sequence[Judgement], week: str) -> date | None:
    if not week:
        return judged[-1].week if judged else None
    found = next((one.week for one in judged if week_name(one.week) == week), None)
    if found is None:
        raise PageError(
            404,
            f"Week {clean(week, 20)} was not judged",
            "Choose one of the judged weeks; the last one shows where the address names none.",
        )
    return found
