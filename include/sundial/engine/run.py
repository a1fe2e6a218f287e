"""One run of one system: pull, gate, profile, check, record; each step may be killed and run again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache, partial
from itertools import groupby
from typing import Any, get_args
from zoneinfo import ZoneInfo

from sundial.engine.budget import alarms_of, fits
from sundial.engine.clock import WEEK, due_weeks, monday
from sundial.engine.discover import code_version, enabled
from sundial.engine.in_effect import InEffect
from sundial.engine.measure import Measuring, Staged, measure_week, rests_on
from sundial.engine.plan import Plan, plan_of
from sundial.engine.restate import restated
from sundial.engine.standing import incidents_of
from sundial.engine.streams import Counted, Streams
from sundial.gate.errors import ContractError
from sundial.gate.gate import Gate
from sundial.gate.judged import Judged, partitions_of
from sundial.lake import Lake
from sundial.profile.columns import Columns
from sundial.profile.partitions import Partitions
from sundial.profile.profile import Profile
from sundial.register.events import EventName, FeedName
from sundial.register.load import config_hash
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.sources.connection import Resolve
from sundial.sources.errors import SourceError
from sundial.sources.landing import Landing
from sundial.sources.learnt import Learnt
from sundial.sources.notice import probe
from sundial.sources.pull import Clock, pull
from sundial.store.database import Database
from sundial.store.grants import Grant, Grants
from sundial.store.records import Finding, Status, finding_from_payload
from sundial.store.register import RegisterRows, Row
from sundial.store.results import JudgedWeek, Pull, Results

log = logging.getLogger(__name__)

FEEDS: tuple[FeedName, ...] = get_args(FeedName)


class NotStaged(RuntimeError):  # noqa: N818
    """A principle has no staged findings for the run, so nothing is recorded."""


@dataclass(frozen=True)
class _Stored:
    """What lies in the lake for every principle alike."""

    plan: Plan
    gates: Mapping[FeedName, Sequence[Judged]]
    failed: Mapping[str, str]
    profile: Profile
    events: Mapping[EventName, Profile]
    provenance: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """One run: a system judged as of a date.

    Attributes:
        system: its entry as the YAML has it; each week is judged by the entry in effect on its Sunday.
        run_id: what started it, kept beside the results, outside their payload.
        resolve: gives the connection of an id.
        contracts: whether the gate asks for what the register entry expects of rows; see `Gate`.
        pulled_at_once: how many feeds are pulled at the same time; each holds its new rows in memory.
    """

    system: System
    policy: Policy
    clock: Clock
    lake: Lake
    database: Database
    resolve: Resolve
    run_id: str
    contracts: bool = True
    pulled_at_once: int = 1
    _results: Results = field(init=False, repr=False, compare=False)
    _read: list[_Stored] = field(default_factory=list, init=False, repr=False, compare=False)
    _fed: dict[date | None, Mapping[str, Sequence[Counted]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_results", Results(self.database))

    @property
    def feeds(self) -> Sequence[FeedName]:
        """The feeds that the register entry names, outputs first."""
        return [name for name in FEEDS if getattr(self.system.feeds, name) is not None]

    def pull(self) -> Mapping[str, int]:
        """Pulls every feed; one that fails does not stop the others.

        Returns:
            Rows by feed that landed as of this date: now, or in an earlier try that was killed.

        Raises:
            SourceError: the first feed's error, after every feed was tried and its outcome recorded.
        """
        self.lake.sweep(f"systems/{self.system.id}")
        self._look_at_notice_page()
        errors: list[SourceError] = []
        rows: dict[str, int] = {}
        for name, error in zip(self.feeds, self._pulled(), strict=True):
            if error is not None:
                errors.append(error)
                self._record_pull(name, "failed", error=str(error))
                continue
            batches = Landing(self.lake, self.system.id, name).batches()
            landed = [batch for batch in batches if batch.as_of == self.clock.as_of.isoformat()]
            rows[name] = sum(batch.rows for batch in landed)
            self._record_pull(name, "ok", rows=rows[name], batches=tuple(batch.id for batch in landed))
            log.info("%s · %s: %d new rows", self.system.id, name, rows[name])
        if errors:
            raise errors[0]
        return rows

    def _pulled(self) -> Iterator[SourceError | None]:
        if self.pulled_at_once == 1:  # in this thread: a task's time limit interrupts no other one
            yield from map(self._pull, self.feeds)
            return
        with ThreadPoolExecutor(self.pulled_at_once) as pool:
            yield from pool.map(self._pull, self.feeds)

    def _pull(self, name: FeedName) -> SourceError | None:
        zone = ZoneInfo(self.system.timezone or self.policy.timezone)
        try:
            pull(self.system, name, self.clock, zone=zone, lake=self.lake, resolve=self.resolve)
        except SourceError as error:
            return error
        return None

    def _look_at_notice_page(self) -> None:
        """Keeps whether the public page answers; asks again until it did for this date, and fails nothing."""
        page, as_of = self.system.notice_page, self.clock.as_of
        # What a page says today says nothing about a week long past.
        if page is None or not self.system.operated or self.clock.today - as_of > WEEK:
            return
        learnt = Learnt(self.lake, self.system.id)
        earlier = learnt.page_on(as_of)
        if earlier is not None and earlier.page == page and earlier.reachable:
            return
        listed = self.policy.notice_hosts
        learnt.keep_page(probe(page, listed.hosts if listed else (), as_of.isoformat()))

    def gate(self) -> Mapping[str, int]:
        """Judges new batches and those whose verdict may have changed.

        Returns:
            Refused rows by feed, of the batches judged now.

        Raises:
            ContractError: a feed's contract cannot be run; the other feed is judged all the same.
        """
        self._read.clear()
        pulls = self._results.latest_pulls(self.system.id)
        states = {name: why for name in self.feeds if (why := self._not_pulled(pulls.get(name)))}
        refused: dict[str, int] = {}
        failure: ContractError | None = None
        last = self._results.last_judged_week(self.system.id)
        first_unjudged = last + WEEK if last else None
        for name in self.feeds:
            try:
                gate = Gate(self.system, self.lake, contracts=self.contracts)
                judged = gate.judge(name, self.clock.as_of, first_unjudged)
            except ContractError as error:
                failure = failure or error
                states[name] = str(error)
            else:
                refused[name] = sum(manifest.refused for manifest in judged)
                log.info(
                    "%s · %s: %d batches judged, %d rows refused",
                    self.system.id,
                    name,
                    len(judged),
                    refused[name],
                )
        self.lake.put_json(self._staging("feeds"), states)
        if failure is not None:
            raise failure
        return refused

    def profile(self) -> int:
        """Updates the profiles of dirty partitions and returns how many there were."""
        self._read.clear()
        gate = Gate(self.system, self.lake)
        outputs, plan = self.system.feeds.outputs, plan_of(self.system)
        dirty: list[date] = []
        if outputs is not None:
            columns = Columns.of(self.system, outputs)
            rows = gate.partitions("outputs"), gate.partitions("outcomes")
            dirty += self._partitions(plan).update(*rows, columns)
        for name, partitions in self._events(plan).items():
            columns = Columns.of_events(self.system.feeds.events[name])
            dirty += partitions.update(gate.partitions(name), {}, columns)
        log.info("%s: %d partitions profiled", self.system.id, len(dirty))
        return len(dirty)

    def check(self, principle: Principle) -> Mapping[Status, int]:
        """Measures every due week for one principle and stages the findings.

        Returns:
            Findings of the last due week by status; one error without any finding where nothing was ever
            judged and a feed cannot be measured: no week is due then, since a judged one is not caught up.
        """
        stored = self._stored()
        with self.database.snapshot():
            measuring = self._measuring(principle, stored)
            failed, results = measuring.failed, self._results
            blocked = bool(failed) and results.last_judged_week(self.system.id) is None
            weeks = [] if blocked else self._due(measuring.begins)
            before = results.latest_findings(self.system.id, principle.value)
        measuring, found = self._measured(measuring, weeks, before)
        while not self._stand(measuring):  # each time another task's streams stand, so that it ends
            log.info("%s · %s: measured again within what is left", self.system.id, principle.label)
            measuring, found = self._measured(self.measuring(principle), weeks, before)
        changed, told = restated(measuring, found, before)
        staged: Staged = {
            "provenance": _staged_from(measuring.provenance, measuring.in_effect),
            "weeks": [
                {"week": week.isoformat(), "findings": [f.payload() for f in findings]}
                for week, findings in told.items()
            ],
            "restated": [finding.payload() for finding in changed],
        }
        self.lake.put_json(self._staging(principle.value), staged)
        if blocked:
            self._log_blocked(principle, failed)
            return {Status.ERROR: 1}
        last = found[weeks[-1]] if weeks else []
        if weeks:
            _log_errors(f"{self.system.id} · {principle.label}", last)
            _log_findings(self.system.id, last)
        return _by_status(last)

    def _measured(
        self, measuring: Measuring, weeks: Sequence[date], before: Sequence[Finding]
    ) -> tuple[Measuring, Mapping[date, Sequence[Finding]]]:
        measuring = replace(measuring, first_due=weeks[0] if weeks else date.min)
        found: dict[date, Sequence[Finding]] = {}
        for week in weeks:
            found[week] = before = measure_week(measuring, week, before)
            log.info("%s · %s: week of %s measured", self.system.id, measuring.principle.label, week)
        return measuring, found

    def measuring(self, principle: Principle) -> Measuring:
        """Returns what measuring a principle takes, from what is profiled and recorded; writes nothing."""
        stored = self._stored()
        with self.database.snapshot():
            return self._measuring(principle, stored)

    def _measuring(self, principle: Principle, stored: _Stored) -> Measuring:
        checks = [check for check in enabled(self.system) if check.principle is principle]
        past = self._evidence({check.name for check in checks})
        grants, name = Grants(self.database), self.system.id
        alarms = alarms_of(name, self.policy.evidence, grants.of(name), grants.totals())
        return Measuring(
            system=self.system,
            policy=self.policy,
            principle=principle,
            checks=checks,
            profile=stored.profile,
            streams=Streams(past, alarms, self._repairs),
            gates=stored.gates,
            failed=stored.failed,
            left_out=stored.plan.left_out,
            provenance=stored.provenance,
            events=stored.events,
            history=self._history(principle),
            learnt=Learnt(self.lake, self.system.id),
            rows=self._rows(),
            incidents=incidents_of(self.database, self.system.id, self.policy.timezone),
        )

    def _evidence(self, checks: Set[str]) -> Mapping[str, Sequence[Counted]]:
        """Returns what the checks' streams have been fed; read once, until another week is recorded."""
        last = self._results.last_judged_week(self.system.id)
        if last not in self._fed:
            self._fed.clear()
            self._fed[last] = self._results.evidence(self.system.id)
        return {stream: fed for stream, fed in self._fed[last].items() if stream.partition(":")[0] in checks}

    def _stored(self) -> _Stored:
        """Returns what lies in the lake; it is read once, until a step of this run changes it."""
        if not self._read:
            plan, gate = plan_of(self.system), Gate(self.system, self.lake)
            gates = {name: gate.manifests(name) for name in self.feeds}
            self._read.append(
                _Stored(
                    plan=plan,
                    gates=gates,
                    failed=self._failed_feeds(gates, plan),
                    profile=self._partitions(plan).load(),
                    events={name: partitions.load() for name, partitions in self._events(plan).items()},
                    provenance=self._provenance(plan),
                )
            )
        return self._read[0]

    def record(self) -> Sequence[date]:
        """Appends all due weeks, as every principle staged them, and what they restate, in one transaction.

        Returns:
            The Mondays recorded.

        Raises:
            NotStaged: a principle staged nothing, other weeks than the rest, or what it measured from other
                rows, another configuration or other code than the present ones.
        """
        in_effect = InEffect(self.system, self.policy, self._rows())
        present = _staged_from(self._provenance(plan_of(self.system)), in_effect)
        last = self._results.last_judged_week(self.system.id)
        by_week: dict[date, list[Finding]] = {}
        later: list[Finding] = []
        staged_weeks: set[tuple[date, ...]] = set()
        for principle in Principle:
            path = self._staging(principle.value)
            if not self.lake.exists(path):
                raise NotStaged(f"{self.system.id}: {principle.label} was not measured; run its task again")
            staged: Staged = self.lake.get_json(path)
            if staged["provenance"] != present:
                raise NotStaged(
                    f"{self.system.id}: {principle.label} was measured from other rows, another "
                    "configuration or other code than what is there now; run the check tasks again"
                )
            # A week is recorded once: of a task that ran again since, there is nothing to add.
            findings = {date.fromisoformat(entry["week"]): entry["findings"] for entry in staged["weeks"]}
            due = [week for week in findings if last is None or week > last]
            staged_weeks.add(tuple(due))
            for week in due:
                by_week.setdefault(week, []).extend(map(finding_from_payload, findings[week]))
            later += map(finding_from_payload, staged["restated"] if due else ())
        if len(staged_weeks) > 1:
            raise NotStaged(
                f"{self.system.id}: the principles measured different weeks; run the check tasks again"
            )
        weeks = [
            JudgedWeek(
                week,
                self.clock.as_of,
                in_effect.config(week + timedelta(days=6)),
                code_version(),
                tuple(by_week[week]),
            )
            for week in sorted(by_week)
        ]
        self._results.record(self.system.id, weeks, self.run_id, later)
        log.info("%s: %d weeks recorded, %d findings restated", self.system.id, len(weeks), len(later))
        return [week.week for week in weeks]

    def _history(self, principle: Principle) -> Callable[[date, date], Sequence[Finding]]:
        @cache  # the checks of a principle ask for the same weeks
        def recorded(first: date, last: date) -> Sequence[Finding]:
            found = self._results.findings_between(first, last, self.system.id)
            return [finding for finding in found if finding.principle == principle.value]

        return recorded

    def _due(self, first_day: date | None) -> Sequence[date]:
        last = self._results.last_judged_week(self.system.id)
        return due_weeks(last, first_day, self.clock.as_of)

    def _stand(self, measuring: Measuring) -> bool:
        """Keeps what the streams were given of the budget; not where other tasks were given it meanwhile."""
        budget = self.policy.evidence
        given = [
            Grant(self.system.id, stream, budget.approved_on, part, weight)
            for stream, (part, weight) in measuring.streams.given.items()
        ]
        return Grants(self.database).add(given, partial(fits, budget))

    def _repairs(self, stream: str) -> Sequence[date]:
        """Returns the Mondays from which on a repair counts for a stream: the first whole week after it."""
        check = stream.partition(":")[0]
        made = [r for r in self.system.remediations if r.checks == "all" or check in r.checks]
        return sorted({monday(r.on + timedelta(days=6)) for r in made})

    def _log_blocked(self, principle: Principle, failed: Mapping[str, str]) -> None:
        for feed, why in failed.items():
            log.error(
                "%s · %s: nothing was ever judged, and %s cannot be measured: %s",
                self.system.id,
                principle.label,
                feed,
                why,
            )

    def _provenance(self, plan: Plan) -> Mapping[str, str]:
        """Returns what a finding rests on."""
        events = {name: stored.fingerprint() for name, stored in self._events(plan).items()}
        return {
            **rests_on(self.system, config_hash(self.system, self.policy)),
            "code": code_version(),
            "partitions": self._partitions(plan).fingerprint(),
            **{f"partitions of {name}": fingerprint for name, fingerprint in events.items()},
        }

    def _rows(self) -> Sequence[Row]:
        """Returns the ledger's rows of the system that hold by the as-of date."""
        rows = RegisterRows(self.database).rows(self.system.id)
        return [row for row in rows if row.given.holds_from <= self.clock.as_of]

    def _partitions(self, plan: Plan) -> Partitions:
        return Partitions(self.lake, self.system.id, plan.statistics)

    def _events(self, plan: Plan) -> Mapping[EventName, Partitions]:
        return {
            name: Partitions(self.lake, self.system.id, statistics, name)
            for name, statistics in plan.events.items()
        }

    def _failed_feeds(self, gates: Mapping[FeedName, Sequence[Judged]], plan: Plan) -> Mapping[str, str]:
        """Returns why a feed cannot be measured, by feed; all of them where a step before did not end."""
        path = self._staging("feeds")
        if not self.lake.exists(path):
            return dict.fromkeys(self.feeds, "The gate did not end for this date; run its task again.")
        outputs = self.system.feeds.outputs
        rows = (partitions_of(gates.get("outputs", ())), partitions_of(gates.get("outcomes", ())))
        current = [
            stored.current(
                partitions_of(gates.get(name, ())), {}, Columns.of_events(self.system.feeds.events[name])
            )
            for name, stored in self._events(plan).items()
        ]
        if outputs is not None:
            current.append(self._partitions(plan).current(*rows, Columns.of(self.system, outputs)))
        if not all(current):
            reason = "The profiles are not those of the accepted rows; run the profile task again."
            return dict.fromkeys(self.feeds, reason)
        failed: Mapping[str, str] = self.lake.get_json(path)
        return failed

    def _not_pulled(self, last: Pull | None) -> str | None:
        """Returns why the feed is not pulled as of this date; None when it is."""
        if last is None or last.as_of < self.clock.as_of:
            return "The feed was not pulled for this date; run the pull task again."
        return last.error if last.as_of == self.clock.as_of and last.status == "failed" else None

    def _staging(self, name: str) -> str:
        return f"systems/{self.system.id}/staging/{self.clock.as_of}/{name}.json"

    def _record_pull(
        self,
        name: FeedName,
        status: Any,
        *,
        rows: int = 0,
        batches: tuple[str, ...] = (),
        error: str | None = None,
    ) -> None:
        self._results.record_pull(Pull(self.system.id, name, self.clock.as_of, status, rows, batches, error))


def _staged_from(provenance: Mapping[str, str], in_effect: InEffect) -> Mapping[str, str]:
    """Returns what staged findings were measured from; the same for `record`, or they are not recorded."""
    return {**provenance, "ledger": in_effect.fingerprint}


def _log_errors(who: str, findings: Sequence[Finding]) -> None:
    """Tells each reason why something could not be measured, once."""
    reasons = Counter(finding.reason for finding in findings if finding.status is Status.ERROR)
    for reason, n in reasons.items():
        log.error("%s: %d of %d findings could not be measured: %s", who, n, len(findings), reason)


def _log_findings(system: str, findings: Sequence[Finding]) -> None:
    """Tells the figures of whole systems; a level of a column is told in the store and the report only."""
    for check, found in groupby(sorted(findings, key=lambda f: f.check), key=lambda f: f.check):
        own = list(found)
        told = [_figure(finding) for finding in own if not finding.slice]
        if parts := len(own) - len(told):
            told.append(f"{parts} for parts of it")
        log.info("%s · %s: %s", system, check, "; ".join(told))


def _figure(finding: Finding) -> str:
    said = f"{finding.metric} {finding.status.value}"
    return said if finding.estimate is None else f"{said} at {finding.estimate:.4g} (n {finding.n or 0:g})"


def _by_status(findings: Sequence[Finding]) -> Mapping[Status, int]:
    return {status: n for status in Status if (n := sum(f.status is status for f in findings))}
