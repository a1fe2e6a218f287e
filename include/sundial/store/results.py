"""What was measured: judged weeks with their findings and evidence, pulls, and reports."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import takewhile
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, cast, func, literal, or_, select

from sundial.store.canonical import canonical, digest
from sundial.store.database import ConflictingRecord, Database
from sundial.store.ledger import append
from sundial.store.records import (
    Evidence,
    Finding,
    Restated,
    Status,
    finding_from_payload,
    finding_id,
)
from sundial.store.tables import (
    episode_events,
    episodes,
    evidence,
    findings,
    judged_weeks,
    pulls,
    questions,
    register_rows,
    reports,
    restatements,
)


@dataclass(frozen=True)
class JudgedWeek:
    """All that one run found out about one ISO week of a system.

    Attributes:
        week: Monday of the week.
        as_of: the run's as-of date.
        config_hash: of the register entry and the policy that were in force.
        code_version: of Sundial and of the checks.
        findings: in any order; at most one for each key, and one for each evidence stream.
    """

    week: date
    as_of: date
    config_hash: str
    code_version: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Judgement:
    """That a week was judged, by what and when; its findings are rows of their own."""

    system: str
    week: date
    as_of: date
    config_hash: str
    code_version: str
    recorded_at: datetime
    run_id: str


@dataclass(frozen=True, order=True)
class Standing:
    """A finding that is in breach in the last judged week: since which week, without a week between."""

    check: str
    metric: str
    slice: tuple[tuple[str, str], ...]
    since: date


@dataclass(frozen=True)
class Pull:
    """What became of pulling one feed: `rows` new rows in `batches`, or the error."""

    system: str
    feed: str
    as_of: date
    status: Literal["ok", "failed"]
    rows: int
    batches: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Report:
    """A file of a report that was published: its key such as "2015-W05", its place in the lake and its hash.

    A report has a page, and may have further files: each has a key of its own, such as "2015-W05.pdf".
    `html_hash` is the SHA-256 of the file, whatever its kind.
    """

    key: str
    as_of: date
    html_hash: str
    path: str


class Results:
    """The results of every system; rows are added, never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        """Where the results lie."""
        return self._database

    def record(
        self, system: str, weeks: Sequence[JudgedWeek], run_id: str, restated: Sequence[Finding] = ()
    ) -> None:
        """Adds the weeks in one transaction; a week that is there with the same findings is left alone.

        Args:
            system: id of the system that all findings are of.
            weeks: in any order.
            run_id: of the run that judged them.
            restated: findings of judged weeks, these included, as they are now: each supersedes the latest of
                its key. They are recorded with the weeks, and not where all weeks are there already.

        Raises:
            ConflictingRecord: where a week is there with other findings, or lies before the last judged week.
            ValueError: where a week is not a Monday or is given twice, a finding is of another system or
                week, a key or a stream occurs twice, or a restated finding has none to supersede.
        """
        rows = {week.week: _finding_rows(system, week, run_id) for week in weeks}
        if len(rows) != len(weeks):
            raise ValueError(f"{system}: a week is given twice; give each judged week once")
        if not weeks:
            return
        with self._database.write(system) as connection:
            last = _last_judged(connection, system)
            judged = _hashes(connection, system, min(rows), max(rows))
            new: list[JudgedWeek] = []
            for week in sorted(weeks, key=lambda one: one.week):
                if week.week in judged:
                    _require_same(system, week.week, judged[week.week], rows[week.week])
                elif last is not None and week.week < last:
                    raise ConflictingRecord(
                        f"{system}: week {week.week} lies before the last judged week {last}, and "
                        "evidence only goes forward; judge weeks after the last one only"
                    )
                else:
                    new.append(week)
            _insert(connection, system, new, rows, run_id)
            if new and restated:
                _restate(connection, system, restated, max(week.as_of for week in new), run_id)

    def last_judged_week(self, system: str) -> date | None:
        """Returns the Monday of the last judged week; None before the first."""
        with self._database.read() as connection:
            return _last_judged(connection, system)

    def judged(self, system: str) -> tuple[Judgement, ...]:
        """Returns the judged weeks, the oldest first."""
        query = select(judged_weeks).where(judged_weeks.c.system == system).order_by(judged_weeks.c.week)
        with self._database.read() as connection:
            return tuple(Judgement(**row._mapping) for row in connection.execute(query))

    def evidence(self, system: str) -> dict[str, list[tuple[date, tuple[float, ...]]]]:
        """Returns what each stream has been fed: (week, counts), the oldest first."""
        # A stream is one row, with JSON of all its weeks: there are as many as weeks, times streams.
        week = literal('["') + cast(evidence.c.week, Text) + '",' + evidence.c.counts + "]"
        query = (
            select(evidence.c.stream, func.aggregate_strings(week, ","))
            .where(evidence.c.system == system)
            .group_by(evidence.c.stream)
            .order_by(evidence.c.stream)
        )
        with self._database.read() as connection:
            return {
                stream: [
                    (date.fromisoformat(on), tuple(counts)) for on, counts in sorted(json.loads(f"[{weeks}]"))
                ]
                for stream, weeks in connection.execute(query)
            }

    def findings(self, system: str, week: date, as_of: date | None = None) -> tuple[Finding, ...]:
        """Returns the week's findings as `findings_between` does; none where it was not judged."""
        return self.findings_between(week, week, system, as_of)

    def latest_findings(self, system: str, principle: str | None = None) -> tuple[Finding, ...]:
        """Returns the findings of the last judged week, those of one principle where it is given."""
        last = select(func.max(judged_weeks.c.week)).where(judged_weeks.c.system == system).scalar_subquery()
        query = _latest().where(findings.c.system == system, findings.c.week == last)
        return self._findings(query if principle is None else query.where(findings.c.principle == principle))

    def standing_breaches(self, system: str, until: date, as_of: date) -> tuple[Standing, ...]:
        """Returns what is in breach in the last week up to `until` that runs up to `as_of` judged.

        Statuses are those that the weeks were judged with; what was restated since does not change how long
        somebody could have known of it.
        """
        judged = select(judged_weeks.c.week).where(
            judged_weeks.c.system == system, judged_weeks.c.week <= until, judged_weeks.c.as_of <= as_of
        )
        breaches = select(findings.c.week, findings.c.check, findings.c.metric, findings.c.slice).where(
            findings.c.system == system, findings.c.status == Status.BREACH.value
        )
        with self._database.read() as connection:
            weeks = [*connection.scalars(judged.order_by(judged_weeks.c.week.desc()))]
            found: defaultdict[tuple[str, str, str], set[date]] = defaultdict(set)
            for row in connection.execute(breaches):
                found[row.check, row.metric, row.slice].add(row.week)
        standing = []
        for (check, metric, where), of_weeks in sorted(found.items()):
            run = [*takewhile(of_weeks.__contains__, weeks)]
            if run:
                pairs = tuple((name, level) for name, level in json.loads(where))
                standing.append(Standing(check, metric, pairs, run[-1]))
        return tuple(standing)

    def findings_between(
        self,
        start: date,
        end: date,
        system: str | None = None,
        as_of: date | None = None,
        checks: Iterable[str] | None = None,
        detail: str | None = None,
    ) -> tuple[Finding, ...]:
        """Returns the findings of the weeks from `start` to `end`, both included, of one system or of all.

        `checks` asks for those of some checks only; with `detail`, also for those with a detail of that name.

        Of a finding that was restated the latest revision is given: of those that runs up to the date `as_of`
        made, where that is given. `revisions` has all of them.
        """
        query = _latest(as_of).where(findings.c.week.between(start, end))
        if system is not None:
            query = query.where(findings.c.system == system)
        if checks is not None:
            asked: list[ColumnElement[bool]] = [findings.c.check.in_(checks)]
            if detail is not None:
                asked.append(findings.c.payload.contains(f'"{detail}":', autoescape=True))
            query = query.where(or_(*asked))
        return self._findings(query)

    def with_keys(self, keys: Sequence[str], as_of: date | None = None) -> tuple[Finding, ...]:
        """Returns the findings that have one of a few hundred keys, as `findings_between` does."""
        return self._findings(_latest(as_of).where(findings.c.key.in_(keys)))

    def statuses(self, keys: Sequence[str], as_of: date) -> dict[str, Status]:
        """Returns the status by key of the findings that there are, as known to runs up to a date.

        It reads no payloads, so that a year costs little.
        """
        first = select(findings.c.key, findings.c.status).where(findings.c.key.in_(keys))
        later = select(restatements.c.key, restatements.c.status).where(
            restatements.c.key.in_(keys), restatements.c.as_of <= as_of
        )
        with self._database.read() as connection:
            rows = [
                *connection.execute(first),
                *connection.execute(later.order_by(restatements.c.revision)),
            ]
        return {row.key: Status(row.status) for row in rows}

    def revisions(self, key: str) -> tuple[Finding, ...]:
        """Returns a finding as it was judged and each of its restatements, the oldest first."""
        first = select(findings.c.payload).where(findings.c.key == key)
        later = select(restatements.c.payload).where(restatements.c.key == key)
        with self._database.read() as connection:
            texts = [
                *connection.scalars(first),
                *connection.scalars(later.order_by(restatements.c.revision)),
            ]
        return tuple(finding_from_payload(json.loads(text)) for text in texts)

    def keys_of(self, id_start: str) -> tuple[str, ...]:
        """Returns the keys of the findings whose id begins like this, the latest week first."""
        query = select(findings.c.key).order_by(findings.c.week.desc(), findings.c.key)
        with self._database.read() as connection:
            return tuple(key for key in connection.scalars(query) if finding_id(key).startswith(id_start))

    def record_pull(self, pull: Pull) -> None:
        """Adds the pull; one like the last of its feed and as-of date is left alone."""
        payload = _pull_payload(pull)
        payload_hash = digest(canonical(payload))
        with self._database.write(pull.system) as connection:
            last = connection.execute(
                select(pulls.c.attempt, pulls.c.payload_hash)
                .where(pulls.c.system == pull.system, pulls.c.feed == pull.feed, pulls.c.as_of == pull.as_of)
                .order_by(pulls.c.attempt.desc())
                .limit(1)
            ).first()
            if last is not None and last.payload_hash == payload_hash:
                return
            append(
                connection,
                pulls,
                dict(
                    **payload,
                    system=pull.system,
                    feed=pull.feed,
                    as_of=pull.as_of,
                    attempt=last.attempt + 1 if last else 1,
                    payload_hash=payload_hash,
                    recorded_at=datetime.now(UTC),
                ),
            )

    def latest_pulls(self, system: str) -> dict[str, Pull]:
        """Returns the last pull of each feed."""
        query = (
            select(pulls)
            .where(pulls.c.system == system)
            .order_by(pulls.c.feed, pulls.c.as_of, pulls.c.attempt)
        )
        with self._database.read() as connection:
            return {row.feed: _pull(row) for row in connection.execute(query)}

    def record_report(self, report: Report) -> None:
        """Adds the report; the same again is left alone.

        Raises:
            ConflictingRecord: where another report is there under the key.
        """
        with self._database.write("reports") as connection:
            known = connection.execute(_reports().where(reports.c.key == report.key)).first()
            if known is None:
                append(connection, reports, {**vars(report), "recorded_at": datetime.now(UTC)})
            elif Report(**known._mapping) != report:
                raise ConflictingRecord(
                    f"report {report.key}: another one is recorded; publish a correction under its own key"
                )

    def reports(self) -> tuple[Report, ...]:
        """Returns the published reports, the oldest first."""
        with self._database.read() as connection:
            query = _reports().order_by(reports.c.as_of, reports.c.key)
            return tuple(Report(**row._mapping) for row in connection.execute(query))

    def content_hash(self) -> str:
        """Returns one hash of all that was found and decided, for "the same store" after a crash.

        It covers keys and payloads of findings, of all their restatements, of evidence, judged weeks,
        episodes, their events and questions, and the rows of the register: not when or by which run they
        were recorded, nor in which order.
        """
        with self._database.read() as connection:
            rows = sorted(hashlib.sha256(canonical(line).encode()).digest() for line in _content(connection))
        return hashlib.sha256(b"".join(rows)).hexdigest()

    def _findings(self, query: Select[Any]) -> tuple[Finding, ...]:
        # Recording goes week by week in canonical order, so the row's number keeps that order.
        ordered = query.order_by(findings.c.week, findings.c.system, findings.c.id)
        with self._database.read() as connection:
            return tuple(finding_from_payload(json.loads(text)) for text in connection.scalars(ordered))


def _latest(as_of: date | None = None) -> Select[Any]:
    """Returns the query of the latest payloads of findings, as known to runs up to a date."""
    later = select(restatements.c.payload).where(restatements.c.key == findings.c.key)
    if as_of is not None:
        later = later.where(restatements.c.as_of <= as_of)
    newest = later.order_by(restatements.c.revision.desc()).limit(1).scalar_subquery()
    return select(func.coalesce(newest, findings.c.payload))


def _finding_rows(system: str, week: JudgedWeek, run_id: str) -> list[dict[str, Any]]:
    if week.week.isoweekday() != 1:
        raise ValueError(f"{system}: week {week.week} is not a Monday")
    keys: set[str] = set()
    streams: set[str] = set()
    rows = []
    for finding in week.findings:
        key = finding.key
        where = f"{system}, week {week.week}, finding {key}"
        if (finding.system, finding.week) != (system, week.week):
            raise ValueError(f"{where}: is of another system or week; record it with its own")
        if key in keys:
            raise ValueError(f"{where}: occurs twice; give each check, metric and slice one finding")
        if finding.evidence is not None and finding.evidence.stream in streams:
            raise ValueError(
                f"{where}: stream {finding.evidence.stream} has evidence already; feed it once a week"
            )
        keys.add(key)
        if finding.evidence is not None:
            streams.add(finding.evidence.stream)
        try:
            rows.append(_finding_row(finding, run_id))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{where}: cannot be kept as JSON ({error}); an undefined figure is None"
            ) from None
    return sorted(rows, key=lambda row: str(row["key"]))


def _finding_row(finding: Finding, run_id: str) -> dict[str, Any]:
    payload = finding.payload()
    text = canonical(payload)
    return {
        "key": finding.key,
        "system": finding.system,
        "week": finding.week,
        "check": finding.check,
        "principle": finding.principle,
        "kind": finding.kind.value,
        "metric": finding.metric,
        "slice": canonical(payload["slice"]),
        "status": finding.status.value,
        "payload": text,
        "payload_hash": digest(text),
        "run_id": run_id,
    }


def _evidence_rows(system: str, week: date, found: Evidence) -> Iterator[dict[str, Any]]:
    """Yields what the stream was fed this week, and where it supersedes another one the weeks restated."""
    earlier = found.supersedes.weeks if found.supersedes else ()
    for one in (*earlier, Restated(week, found.counts, found.log_e, found.log_detector)):
        yield {
            "system": system,
            "stream": found.stream,
            "week": one.week,
            "counts": canonical(list(one.counts)),
            "log_e": one.log_e,
            "log_detector": one.log_detector,
            "log_alarm": found.log_alarm,
        }


def _insert(
    connection: Connection,
    system: str,
    weeks: Sequence[JudgedWeek],
    rows: Mapping[date, list[dict[str, Any]]],
    run_id: str,
) -> None:
    now = datetime.now(UTC)
    for week in weeks:
        append(
            connection,
            judged_weeks,
            {
                "system": system,
                "week": week.week,
                "as_of": week.as_of,
                "config_hash": week.config_hash,
                "code_version": week.code_version,
                "recorded_at": now,
                "run_id": run_id,
            },
        )
    finding_rows = [row | {"recorded_at": now} for week in weeks for row in rows[week.week]]
    if finding_rows:
        append(connection, findings, *finding_rows)
    evidence_rows = [
        row
        for week in weeks
        for finding in week.findings
        if finding.evidence is not None and finding.evidence.counts  # no counts: nothing was added this week
        for row in _evidence_rows(system, week.week, finding.evidence)
    ]
    if evidence_rows:
        append(connection, evidence, *evidence_rows)


def _restate(
    connection: Connection, system: str, restated: Sequence[Finding], as_of: date, run_id: str
) -> None:
    first, last = min(f.week for f in restated), max(f.week for f in restated)
    latest = {
        key: (0, payload_hash)
        for keys in _hashes(connection, system, first, last).values()
        for key, payload_hash in keys.items()
    }
    known = select(restatements.c.key, restatements.c.revision, restatements.c.payload_hash).where(
        restatements.c.system == system, restatements.c.week.between(first, last)
    )
    for key, revision, payload_hash in connection.execute(known.order_by(restatements.c.revision)):
        latest[key] = (revision, payload_hash)
    now = datetime.now(UTC)
    rows = []
    for finding in sorted(restated, key=lambda one: one.key):
        if finding.key not in latest:
            raise ValueError(f"{finding.key}: nothing is recorded that it could restate")
        revision, superseded = latest[finding.key]
        row = _finding_row(finding, run_id)
        if row["payload_hash"] != superseded:
            kept = {name: row[name] for name in restatements.c.keys() & row.keys()}
            made = {"revision": revision + 1, "as_of": as_of, "supersedes": superseded, "recorded_at": now}
            rows.append(kept | made)
    if rows:
        append(connection, restatements, *rows)


def _last_judged(connection: Connection, system: str) -> date | None:
    last: date | None = connection.scalar(
        select(func.max(judged_weeks.c.week)).where(judged_weeks.c.system == system)
    )
    return last


def _hashes(connection: Connection, system: str, start: date, end: date) -> dict[date, dict[str, str]]:
    """Returns the payload hash by key of each judged week in the span."""
    weeks = select(judged_weeks.c.week).where(
        judged_weeks.c.system == system, judged_weeks.c.week.between(start, end)
    )
    rows = select(findings.c.week, findings.c.key, findings.c.payload_hash).where(
        findings.c.system == system, findings.c.week.between(start, end)
    )
    hashes: dict[date, dict[str, str]] = {week: {} for week in connection.scalars(weeks)}
    for week, key, payload_hash in connection.execute(rows):
        hashes[week][key] = payload_hash
    return hashes


def _require_same(system: str, week: date, known: Mapping[str, str], rows: Sequence[dict[str, Any]]) -> None:
    given = {row["key"]: row["payload_hash"] for row in rows}
    differing = sorted(key for key in known.keys() | given.keys() if known.get(key) != given.get(key))
    if differing:
        raise ConflictingRecord(
            f"{system}: week {week} was judged already with other findings ({len(differing)} differ, first "
            f"{differing[0]}); findings are never replaced: judge only weeks after the last judged one"
        )


def _pull_payload(pull: Pull) -> dict[str, Any]:
    return {
        "status": pull.status,
        "error": pull.error,
        "rows": pull.rows,
        "batches": canonical(list(pull.batches)),
    }


def _pull(row: Row[Any]) -> Pull:
    return Pull(
        system=row.system,
        feed=row.feed,
        as_of=row.as_of,
        status=row.status,
        rows=row.rows,
        batches=tuple(json.loads(row.batches)),
        error=row.error,
    )


def _reports() -> Select[Any]:
    return select(reports.c.key, reports.c.as_of, reports.c.html_hash, reports.c.path)


def _content(connection: Connection) -> Iterator[list[Any]]:
    """Yields each row's identity and content as JSON values."""
    content = {
        findings: ("key", "payload_hash"),
        restatements: ("key", "revision", "as_of", "supersedes", "payload_hash"),
        evidence: ("system", "stream", "week", "counts", "log_e", "log_detector", "log_alarm"),
        judged_weeks: ("system", "week", "as_of", "config_hash", "code_version"),
        episodes: (
            "id",
            "system",
            "family",
            "sequence",
            "rule",
            "opened_week",
            "opened_as_of",
            "policy_hash",
            "record",
        ),
        episode_events: ("episode", "number", "key", "kind", "payload", "by", "at"),
        questions: ("episode", "number", "role", "kind", "asked_as_of", "body", "reason_reopened"),
        register_rows: ("system", "number", "kind", "payload_hash", "recorded_by"),
    }
    for table, names in content.items():
        rows = connection.execution_options(yield_per=10_000).execute(
            select(*(table.c[name] for name in names))
        )
        for row in rows:
            yield [table.name, *(str(value) if isinstance(value, date | float) else value for value in row)]
