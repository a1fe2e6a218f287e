"""What a check is: it declares the statistics it needs, and turns their cells into findings, week by week."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from sundial.engine.standing import Incident
from sundial.engine.streams import Process, Streams
from sundial.engine.weighing import counted, weighing
from sundial.gate.judged import Judged
from sundial.profile.profile import Profile
from sundial.profile.statistics import Over, Sample, Statistic
from sundial.register.events import EventName, FeedName
from sundial.register.models import CADENCE_DAYS, Grace, Policy, System
from sundial.register.policy import Approved, Choice
from sundial.register.principles import Principle
from sundial.sources.learnt import Learnt, Oldest, Probe, Published
from sundial.stats.intervals import Interval
from sundial.store.records import Evidence, Finding, Kind, Side, Status, Threshold, Window

if TYPE_CHECKING:
    import pandas as pd

UNMEASURED = "unmeasured_since"
"""Detail of a finding that measured nothing: from which week on evidence waits to be counted."""

STATISTICAL_FLOOR = 30
"""An estimate on fewer than this in its own denominator is `insufficient`."""


class Check(ABC):
    """A named measure of one principle. It never sees a row."""

    name: ClassVar[str]
    """Its name in the register, the policy and the store: `<principle or module>.<measure>`."""
    principle: ClassVar[Principle]
    kind: ClassVar[Kind] = Kind.STATISTICAL
    feeds: ClassVar[tuple[FeedName, ...]] = ()
    """Feeds it cannot do without: a failed one makes it `error`, an absent one `not_measured`."""

    def statistics(self, system: System) -> Sequence[Statistic]:
        """Returns the statistics it will ask the view for; none by default."""
        return ()

    @abstractmethod
    def measure(self, view: View) -> Iterable[Finding]:
        """Yields this week's findings, made with `view.finding`."""


@dataclass(frozen=True)
class View:
    """What a check may look at for one system and one judged week.

    Attributes:
        week: Monday of the judged week; `end` is its Sunday, the "now" of the check.
        known_by: Monday of the last week whose outcomes estimates may know: `week`, unless it is restated.
        fresh_from: Monday of the first week whose increment no evidence has yet; before `week` where the
            check could not measure.
        events: the profile of each feed of events that a check asks about.
        first_day: first day with accepted outputs; None when there are none.
        gates: the gate's manifests by feed.
        failed: why this run has nothing new of a feed, by feed; only feeds that failed.
        before: this check's findings of the week before, by metric and slice.
        provenance: hashes of what the findings come from.
        learnt: what the pulls learnt of the sources beside the rows, and what was published; None without.
        incidents: all that were reported of the system.
    """

    check: Check
    system: System
    policy: Policy
    week: date
    known_by: date
    fresh_from: date
    profile: Profile
    events: Mapping[EventName, Profile]
    streams: Streams
    first_day: date | None
    gates: Mapping[FeedName, Sequence[Judged]]
    failed: Mapping[str, str]
    before: Mapping[tuple[str, tuple[tuple[str, str], ...]], Finding]
    provenance: Mapping[str, str]
    learnt: Learnt | None = None
    incidents: Sequence[Incident] = ()

    @property
    def end(self) -> date:
        """The Sunday of the judged week."""
        return self.week + timedelta(days=6)

    @property
    def outputs_window(self) -> Window:
        """The days of outputs that an estimate covers: the system's weeks, one cadence period at least."""
        feed = self.system.feeds.outputs
        period = CADENCE_DAYS[feed.cadence] if feed else 1
        days = max(7 * self.system.window_weeks, period)
        return Window(self.end - timedelta(days=days - 1), self.end, self.system.window_weeks)

    @property
    def outcomes_window(self) -> Window:
        """The same length of outputs, the latest whose outcomes have had their time."""
        window, matured = self.outputs_window, self.system.maturity
        return Window(window.start - matured, window.end - matured, window.weeks)

    @property
    def immature(self) -> bool:
        """Whether no output has had its time yet."""
        return self.first_day is None or self.outcomes_window.end < self.first_day

    @property
    def reviews_window(self) -> Window:
        """The same length of outputs, the latest whose reviews have had their time."""
        window, feed = self.outputs_window, self.system.feeds.reviews
        matured = timedelta(days=feed.maturity_days if feed else 0)
        return Window(window.start - matured, window.end - matured, window.weeks)

    def window_of(self, statistic: Statistic) -> Window:
        """Returns the days that `cells` covers."""
        match statistic.over:
            case "outcomes":
                return self.outcomes_window
            case "reviews":
                return self.reviews_window
            case _:
                return self.outputs_window

    def cells(self, statistic: Statistic, window: Window | None = None) -> pd.DataFrame:
        """Returns keys, n and sums over the report window, as known by `known_by`; see `counted`.

        Args:
            statistic: what to count.
            window: other days than `window_of` gives.

        Raises:
            KeyError: the check did not declare the statistic.
        """
        window = window or self.window_of(statistic)
        return self._counted(statistic, window.start, window.end)

    def new_cells(self, statistic: Statistic) -> pd.DataFrame:
        """Returns keys, n and sums of what no evidence has yet: what counts in this week alone, as a rule.

        Raises:
            KeyError: the check did not declare the statistic.
        """
        return self.cells_of_weeks(statistic, self.fresh_from, self.week)

    def cells_of_weeks(self, statistic: Statistic, first: date, last: date) -> pd.DataFrame:
        """Returns keys, n and sums of what counts in the weeks from Monday to Monday, both included.

        Raises:
            KeyError: the check did not declare the statistic.
        """
        asked = weighing(self.system, statistic)
        return counted(self._profile(statistic).weeks(asked, first, last), statistic, asked)

    def baseline_cells(self, statistic: Statistic, known_by: date | None = None) -> pd.DataFrame:
        """Returns keys, n and sums of the approved reference window.

        Args:
            statistic: what to count.
            known_by: Monday of the week until which an outcome counts; that of the judged week, unless given.

        Raises:
            ValueError: the system has no baseline.
        """
        baseline = self.system.baseline
        if baseline is None:
            raise ValueError(f"{self.system.id}: no baseline; add one to the register entry")
        return self._counted(statistic, baseline.start, baseline.end, known_by)

    def sample(self, sample: Sample, window: Window) -> pd.DataFrame:
        """Returns the rows of a sample of some days, as known in the judged week; see `Profile.sample`."""
        return self.profile.sample(sample, window.start, window.end, known_by=self.week)

    def _counted(
        self, statistic: Statistic, start: date, end: date, known_by: date | None = None
    ) -> pd.DataFrame:
        asked = weighing(self.system, statistic)
        profile = self._profile(statistic)
        cells = profile.window(asked, start, end, known_by=known_by or self.known_by)
        return counted(cells, statistic, asked)

    def _profile(self, statistic: Statistic) -> Profile:
        over = statistic.over
        return self.profile if over == "outputs" or over == "outcomes" else self.events[over]

    def threshold(self, name: str, side: Side) -> Threshold:
        """Returns a threshold: the system's own choice, else its risk tier's, else the City's.

        Raises:
            KeyError: the policy has no threshold of this name; with the remedy.
        """
        city = self.policy.thresholds.get(name)
        if city is None:
            raise KeyError(
                f"policy.yaml: thresholds: no {name}; add it with value, meaning, approver and date"
            )
        tier = self.system.risk.tier
        of_tier = self.policy.tiers.get(tier)
        chosen: Approved | Choice = city
        set_for = "city"
        if of_tier is not None and name in of_tier.thresholds:
            chosen, set_for = of_tier.thresholds[name], f"tier {tier}"
        if name in self.system.thresholds:
            chosen, set_for = self.system.thresholds[name], "system"
        return Threshold(name, chosen.value, side, chosen.approved_by, chosen.approved_on, set_for)

    def term(self, name: str) -> Grace:
        """Returns a term of the policy. Raises KeyError with the remedy when the policy has none."""
        grace = self.policy.terms.get(name)
        if grace is None:
            raise KeyError(
                f"policy.yaml: terms: no {name}; add it with limit_days, grace_days, approver and date"
            )
        return grace

    def notice_page(self) -> Probe | None:
        """Returns the judged week's last look at the system's public page; None where nobody looked."""
        page = self.system.notice_page
        return self.learnt.page(page, self.week) if page is not None and self.learnt is not None else None

    def offered(self, feed: FeedName) -> Sequence[str] | None:
        """Returns the names of all columns that a feed's source had by the week's end; None if not known."""
        return self.learnt.offered(feed, self.end) if self.learnt is not None else None

    def oldest_output(self) -> Oldest | None:
        """Returns the oldest day of the outputs' source as the week's pulls learnt it; None if none did."""
        return self.learnt.oldest(self.week) if self.learnt is not None else None

    def published(self) -> Published | None:
        """Returns what of the system's figures was public by the week's end; None where nothing was."""
        return self.learnt.published(self.end) if self.learnt is not None else None

    def streams_after(self, start: str) -> Sequence[str]:
        """Returns how the names of this check's streams go on after a start that they share."""
        return self.streams.names_after(f"{self.check.name}:{start}", self.week)

    def streams_begun(self, start: str) -> Sequence[str]:
        """Returns the same of the streams that began before this week."""
        return self.streams.names_after(f"{self.check.name}:{start}", self.week - timedelta(weeks=1))

    def began(self, stream: str) -> date:
        """Returns the Monday of the week in which a stream of this check began: this one if it does now."""
        return self.streams.begun(f"{self.check.name}:{stream}", self.week)

    def advance(
        self,
        stream: str,
        fresh: Process,
        counts: Sequence[float],
        *,
        part: float = 1.0,
        since: date = date.min,
        over: Over = "outputs",
    ) -> Evidence:
        """Advances one of this check's evidence streams by this week's counts, see `Streams.advance`.

        Args:
            stream: its name within the check.
            fresh: the process before any week.
            counts: this week's increment.
            part: of one stream's weight.
            since: Monday from which on outputs are of what the detector is about; earlier ones count no more.
            over: what is counted. Outcomes come later: those of outputs from `since` on, or from a repair on,
                are only taken for such once they had their time.

        Raises:
            ValueError: the stream has this week's counts already.
        """
        name = f"{self.check.name}:{stream}"
        lag = self.system.weeks_of_maturity if over == "outcomes" else timedelta()
        if since > date.min:
            since += lag
        return self.streams.advance(name, fresh, counts, self.week, part=part, since=since, lag=lag)

    def finding(
        self,
        metric: str,
        status: Status,
        reason: str,
        *,
        slice: Mapping[str, str] | None = None,  # noqa: A002 - the field's word
        window: Window | None = None,
        estimate: float | None = None,
        interval: Interval | None = None,
        n: float | None = None,
        threshold: Threshold | None = None,
        evidence: Evidence | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Finding:
        """Returns a finding of this check for this system and week."""
        return Finding(
            system=self.system.id,
            week=self.week,
            check=self.check.name,
            principle=self.check.principle.value,
            kind=self.check.kind,
            metric=metric,
            status=status,
            reason=reason,
            slice=tuple(sorted((slice or {}).items())),
            window=window,
            estimate=estimate,
            interval=interval,
            n=n,
            threshold=threshold,
            evidence=evidence,
            details=details or {},
            provenance=self.provenance,
        )

    def fact(
        self, metric: str, *, since: date | None, term: str, reason: str, ok: str, **details: Any
    ) -> Finding:
        """Returns a factual finding: ok, `watch` from `since`, `breach` after the grace term.

        Args:
            metric: the fact's name.
            since: the day from which the fact holds; None when it does not.
            term: the policy's term; its limit has passed by `since`, its grace runs from there.
            reason: the sentence when it holds.
            ok: the sentence when it does not.
            details: JSON values to keep with the finding.
        """
        grace = self.term(term)
        threshold = Threshold(term, grace.grace_days, Side.CEILING, grace.approved_by, grace.approved_on)
        if since is None or since > self.end:
            return self.finding(metric, Status.OK, ok, threshold=threshold, details=details)
        held = (self.end - since).days
        status = Status.BREACH if held > grace.grace_days else Status.WATCH
        return self.finding(
            metric,
            status,
            f"{reason} For {held} days; the policy gives {grace.grace_days}.",
            estimate=float(held),
            threshold=threshold,
            details={**details, "since": since.isoformat()},
        )

    def held_since(self, metric: str) -> date:
        """Returns since when a fact without a date of its own holds: as last week, else this week."""
        last = self.before.get((metric, ()))
        return date.fromisoformat(last.details["since"]) if last and "since" in last.details else self.week


def waiting_since(found: Iterable[Finding]) -> date | None:
    """Returns from which week on a check's evidence waits, by its findings of a week; None if it does not."""
    waiting = next((f.details[UNMEASURED] for f in found if UNMEASURED in f.details), None)
    return date.fromisoformat(waiting) if waiting else None


def judge_estimate(
    estimate: float | None, n: float, threshold: Threshold | None, evidence: Evidence | None, *, beyond: bool
) -> tuple[Status, str]:
    """Returns the status of a statistical finding and why.

    Only carried evidence makes a breach; an estimate alone makes `watch` at most, and only on enough data.

    Args:
        estimate: the metric, None where its denominator is zero.
        n: that denominator.
        threshold: what it is held against, None when it is only reported.
        evidence: the stream behind it.
        beyond: whether the estimate lies on the bad side of the threshold.

    Returns:
        The status, and a sentence for people.
    """
    if evidence is not None and evidence.recovering:
        return Status.BREACH, "Confirmed before the repair; recovering: it is not yet shown to hold."
    if evidence is not None and evidence.confirmed:
        return Status.BREACH, "Confirmed by the evidence carried over the weeks."
    if estimate is None:
        return Status.INSUFFICIENT, "Nothing to measure it on: its denominator is zero."
    if n < STATISTICAL_FLOOR:
        return (
            Status.INSUFFICIENT,
            f"Only {n:g} in its denominator; {STATISTICAL_FLOOR} are needed to say something.",
        )
    if threshold is not None and beyond:
        return Status.WATCH, "Beyond the threshold, not confirmed by the evidence carried over the weeks."
    return Status.OK, "Within the threshold." if threshold is not None else "Reported; no threshold applies."
