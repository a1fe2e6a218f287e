"""Sunset cases: episodes, what happened to them, and the questions they put to people.

The state of an episode (draft, determined, submitted …) is not kept: `sundial.sunset` derives it from events.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, insert, select

from sundial.store.canonical import canonical
from sundial.store.database import ConflictingRecord, Database, UnknownRecord
from sundial.store.ledger import append
from sundial.store.tables import answers, episode_events, episodes, question_claims, questions

EVIDENCE = "evidence"
"""The kind of the event that a detection adds."""
OPENED = "opened"
"""The kind of the event by which somebody asked for the case, with reasons."""
CLOSING = ("closed", "withdrawn", "superseded")
"""The kinds of event that end an episode; after one, a new detection opens a new episode."""


_SCOPE = "cases"


@dataclass(frozen=True)
class Detection:
    """That a sunset rule fired for one judged week.

    Attributes:
        system: id of the system.
        family: the trigger family; one episode of it is open at a time.
        rule: id of the rule in the policy.
        week: Monday of the week whose evidence fired it.
        as_of: the run's as-of date.
        policy_hash: of the policy in force.
        record: the opening part of the sunset record, frozen if this opens an episode; JSON values.
        evidence: what the week adds to the episode; JSON values.
    """

    system: str
    family: str
    rule: str
    week: date
    as_of: date
    policy_hash: str
    record: Mapping[str, Any]
    evidence: Mapping[str, Any]


@dataclass(frozen=True)
class Episode:
    """One sunset case; `open` until an event of `CLOSING`."""

    id: str
    system: str
    family: str
    rule: str
    opened_week: date
    opened_as_of: date
    policy_hash: str
    record: Mapping[str, Any]
    open: bool


@dataclass(frozen=True)
class NewEvent:
    """Something that happened to an episode.

    Attributes:
        key: names it within the episode, so that recording it twice is once, such as "answer/3".
        by: the user id of who did it; None where the pipeline did.
        at: the as-of date.
    """

    key: str
    kind: str
    payload: Mapping[str, Any]
    at: date
    by: str | None = None


@dataclass(frozen=True)
class Event:
    """A `NewEvent` that was recorded; numbers count from 1 within an episode."""

    episode: str
    number: int
    key: str
    kind: str
    payload: Mapping[str, Any]
    by: str | None
    at: date
    recorded_at: datetime


@dataclass(frozen=True)
class Answer:
    """What a person answered: accepted, or refused with the reason (the next question says it)."""

    accepted: bool
    chosen: str
    params: Mapping[str, Any]
    answered_by: str
    answered_at: datetime
    refused_reason: str | None = None

    def __post_init__(self) -> None:
        if self.accepted == (self.refused_reason is not None):
            raise ValueError("refused_reason: an accepted answer has none, a refused one needs it")


@dataclass(frozen=True)
class Question:
    """One thing asked of one role; `open` until it is answered or its episode ends."""

    episode: str
    number: int
    role: str
    kind: str
    asked_as_of: date
    body: str
    reason_reopened: str | None
    claimed_by: str | None
    answer: Answer | None
    open: bool


class Cases:
    """The sunset cases of every system; rows are added, never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_or_extend(self, detection: Detection) -> tuple[str, bool]:
        """Adds the week's evidence to the open episode of the system and family, or opens one.

        A week counts once: detected again it changes nothing, also after its episode ended.

        Returns:
            The episode's id, such as "compas-broward-2015-001" (year of the ISO week, number within system
            and year), and whether this call opened it.
        """
        with self._database.write(_SCOPE) as connection:
            known = _episode_with(connection, detection, _evidence_key(detection.week))
            if known is not None:
                return known, False
            current = _current(connection, detection)
            episode = current or _open(connection, detection)
            evidence = NewEvent(_evidence_key(detection.week), EVIDENCE, detection.evidence, detection.as_of)
            _insert_event(connection, episode, evidence)
            return episode, current is None

    def open_by_hand(self, detection: Detection, key: str, by: str, reasons: str) -> tuple[str, bool]:
        """Opens an episode that somebody asks for, or adds their reasons to the one that is open.

        Args:
            detection: what `open_or_extend` takes; its evidence is not read.
            key: names the asking, so that doing it twice is once.
            by: user name of who asks.
            reasons: why.

        Returns:
            The episode's id, and whether this call opened it.
        """
        event = NewEvent(f"{OPENED}/{key}", OPENED, {"reasons": reasons}, detection.as_of, by)
        with self._database.write(_SCOPE) as connection:
            known = _episode_with(connection, detection, event.key)
            if known is not None:
                return known, False
            current = _current(connection, detection)
            episode = current or _open(connection, detection)
            _insert_event(connection, episode, event)
            return episode, current is None

    def append(self, episode: str, event: NewEvent) -> bool:
        """Adds an event; one that is there already under its key is left alone.

        Returns:
            Whether this call added it.

        Raises:
            UnknownRecord: where there is no such episode.
            ConflictingRecord: where another event has the key, or the episode has ended.
        """
        with self._database.write(_SCOPE) as connection:
            return _append(connection, episode, event)

    def ask(
        self,
        episode: str,
        *,
        role: str,
        kind: str,
        body: str,
        as_of: date,
        reason_reopened: str | None = None,
    ) -> int:
        """Opens a question; one of the same role and kind that is open already is not asked again.

        Returns:
            The number of the open question within the episode, from 1.

        Raises:
            UnknownRecord: where there is no such episode.
            ConflictingRecord: where the episode has ended.
        """
        with self._database.write(_SCOPE) as connection:
            _require_open(connection, episode, f"question {kind}")
            same = _questions(episode).where(questions.c.role == role, questions.c.kind == kind)
            unanswered = connection.execute(same.where(answers.c.number.is_(None))).first()
            if unanswered is not None:
                return int(unanswered.number)
            number = _next_number(connection, questions.c.number, questions.c.episode == episode)
            append(
                connection,
                questions,
                {
                    "episode": episode,
                    "number": number,
                    "role": role,
                    "kind": kind,
                    "asked_as_of": as_of,
                    "body": body,
                    "reason_reopened": reason_reopened,
                    "recorded_at": datetime.now(UTC),
                },
            )
            return number

    def claim(self, episode: str, number: int, run_id: str) -> bool:
        """Takes an open question for one run.

        Returns:
            True where the run has it, now or since an earlier try; False where another run has it or it is no
            longer open.

        Raises:
            UnknownRecord: where there is no such question.
        """
        with self._database.write(_SCOPE) as connection:
            question = _question(connection, episode, number)
            if not question.open or question.claimed_by is not None:
                return question.open and question.claimed_by == run_id
            connection.execute(
                insert(question_claims).values(
                    episode=episode, number=number, run_id=run_id, claimed_at=datetime.now(UTC)
                )
            )
            return True

    def answer(self, episode: str, number: int, answer: Answer, event: NewEvent | None = None) -> bool:
        """Adds a question's answer and, in the same transaction, the event that it means for the episode.

        Returns:
            Whether this call added it; False where the same answer is there already.

        Raises:
            UnknownRecord: where there is no such question.
            ConflictingRecord: where the question has another answer, or its episode has ended.
        """
        with self._database.write(_SCOPE) as connection:
            known = _question(connection, episode, number).answer
            if known is not None:
                if known != answer:
                    raise ConflictingRecord(
                        f"episode {episode}: question {number} has another answer already; ask a new question"
                    )
                return False
            _require_open(connection, episode, f"answer to question {number}")
            append(
                connection,
                answers,
                dict(
                    episode=episode,
                    number=number,
                    recorded_at=datetime.now(UTC),
                    **{**vars(answer), "params": canonical(answer.params)},
                ),
            )
            if event is not None:
                _append(connection, episode, event)
            return True

    def episode(self, episode: str) -> Episode:
        """Returns the episode. Raises UnknownRecord."""
        with self._database.read() as connection:
            row = connection.execute(_episodes().where(episodes.c.id == episode)).first()
        if row is None:
            raise _unknown(episode)
        return _episode(row)

    def episodes(self, system: str | None = None) -> tuple[Episode, ...]:
        """Returns the episodes of one system or of all, in the order of opening."""
        query = _episodes().order_by(episodes.c.opened_as_of, episodes.c.id)
        if system is not None:
            query = query.where(episodes.c.system == system)
        with self._database.read() as connection:
            return tuple(_episode(row) for row in connection.execute(query))

    def open_episodes(self, system: str | None = None) -> tuple[Episode, ...]:
        """Returns the episodes that have not ended."""
        return tuple(episode for episode in self.episodes(system) if episode.open)

    def events(self, episode: str) -> tuple[Event, ...]:
        """Returns the episode's events in the order of recording."""
        query = (
            select(episode_events)
            .where(episode_events.c.episode == episode)
            .order_by(episode_events.c.number)
        )
        with self._database.read() as connection:
            return tuple(_event(row) for row in connection.execute(query))

    def happened(self) -> Mapping[str, Sequence[Event]]:
        """Returns what happened to every episode but its evidence, by its id, in the order of recording."""
        query = select(episode_events).where(episode_events.c.kind != EVIDENCE)
        found: defaultdict[str, list[Event]] = defaultdict(list)
        with self._database.read() as connection:
            for row in connection.execute(query.order_by(episode_events.c.episode, episode_events.c.number)):
                found[row.episode].append(_event(row))
        return found

    def question(self, episode: str, number: int) -> Question:
        """Returns the question. Raises UnknownRecord."""
        with self._database.read() as connection:
            return _question(connection, episode, number)

    def questions(self, episode: str | None = None) -> tuple[Question, ...]:
        """Returns all questions of one episode or of all, answered ones included."""
        query = _questions(episode).order_by(questions.c.episode, questions.c.number)
        with self._database.read() as connection:
            return tuple(_as_question(row) for row in connection.execute(query))

    def open_questions(self, episode: str | None = None) -> tuple[Question, ...]:
        """Returns the questions that wait for an answer, claimed or not."""
        return tuple(question for question in self.questions(episode) if question.open)


def _evidence_key(week: date) -> str:
    return f"{EVIDENCE}/{week.isoformat()}"


def _ended() -> Any:
    return exists().where(episode_events.c.episode == episodes.c.id, episode_events.c.kind.in_(CLOSING))


def _episode_with(connection: Connection, detection: Detection, key: str) -> str | None:
    return connection.scalar(
        select(episodes.c.id)
        .join(episode_events, episode_events.c.episode == episodes.c.id)
        .where(
            episodes.c.system == detection.system,
            episodes.c.family == detection.family,
            episode_events.c.key == key,
        )
    )


def _current(connection: Connection, detection: Detection) -> str | None:
    of_family = (episodes.c.system == detection.system) & (episodes.c.family == detection.family)
    return connection.scalar(select(episodes.c.id).where(of_family, ~_ended()))


def _open(connection: Connection, detection: Detection) -> str:
    system, year = detection.system, detection.week.isocalendar().year
    of_system = select(episodes.c.family, episodes.c.opened_week).where(episodes.c.system == system)
    known = connection.execute(of_system).all()
    number = 1 + sum(row.opened_week.isocalendar().year == year for row in known)
    episode = f"{system}-{year}-{number:03d}"
    append(
        connection,
        episodes,
        {
            "id": episode,
            "system": system,
            "family": detection.family,
            "sequence": 1 + sum(row.family == detection.family for row in known),
            "rule": detection.rule,
            "opened_week": detection.week,
            "opened_as_of": detection.as_of,
            "policy_hash": detection.policy_hash,
            "record": canonical(detection.record),
            "recorded_at": datetime.now(UTC),
        },
    )
    return episode


def _append(connection: Connection, episode: str, event: NewEvent) -> bool:
    known = connection.execute(
        select(episode_events).where(episode_events.c.episode == episode, episode_events.c.key == event.key)
    ).first()
    if known is None:
        _require_open(connection, episode, f"event {event.key}")
        _insert_event(connection, episode, event)
        return True
    if (known.kind, known.payload, known.by) != (event.kind, canonical(event.payload), event.by):
        raise ConflictingRecord(
            f"episode {episode}: another event {event.key} is recorded; give it a key of its own"
        )
    return False


def _insert_event(connection: Connection, episode: str, event: NewEvent) -> None:
    append(
        connection,
        episode_events,
        {
            "episode": episode,
            "number": _next_number(connection, episode_events.c.number, episode_events.c.episode == episode),
            "key": event.key,
            "kind": event.kind,
            "payload": canonical(event.payload),
            "by": event.by,
            "at": event.at,
            "recorded_at": datetime.now(UTC),
        },
    )


def _next_number(connection: Connection, column: Any, within: Any) -> int:
    return int(connection.scalar(select(func.coalesce(func.max(column), 0)).where(within)) or 0) + 1


def _require_open(connection: Connection, episode: str, what: str) -> None:
    ended = connection.scalar(select(_ended()).where(episodes.c.id == episode))
    if ended is None:
        raise _unknown(episode)
    if ended:
        raise ConflictingRecord(
            f"episode {episode} has ended, {what} comes too late; a new detection opens a new episode"
        )


def _unknown(episode: str) -> UnknownRecord:
    return UnknownRecord(f"there is no episode {episode}; see the list of sunset cases for its id")


def _episodes() -> Select[Any]:
    return select(episodes, _ended().label("ended"))


def _questions(episode: str | None = None) -> Select[Any]:
    query = (
        select(
            questions,
            question_claims.c.run_id,
            answers.c.accepted,
            answers.c.chosen,
            answers.c.params,
            answers.c.answered_by,
            answers.c.answered_at,
            answers.c.refused_reason,
            _ended().label("ended"),
        )
        .join(episodes, episodes.c.id == questions.c.episode)
        .outerjoin(question_claims)
        .outerjoin(
            answers, (answers.c.episode == questions.c.episode) & (answers.c.number == questions.c.number)
        )
    )
    return query if episode is None else query.where(questions.c.episode == episode)


def _question(connection: Connection, episode: str, number: int) -> Question:
    row = connection.execute(_questions(episode).where(questions.c.number == number)).first()
    if row is None:
        raise UnknownRecord(f"episode {episode} has no question {number}; list the episode's questions")
    return _as_question(row)


def _as_question(row: Row[Any]) -> Question:
    answer = None
    if row.accepted is not None:
        answer = Answer(
            accepted=row.accepted,
            chosen=row.chosen,
            params=json.loads(row.params),
            answered_by=row.answered_by,
            answered_at=row.answered_at,
            refused_reason=row.refused_reason,
        )
    return Question(
        episode=row.episode,
        number=row.number,
        role=row.role,
        kind=row.kind,
        asked_as_of=row.asked_as_of,
        body=row.body,
        reason_reopened=row.reason_reopened,
        claimed_by=row.run_id,
        answer=answer,
        open=answer is None and not row.ended,
    )


def _episode(row: Row[Any]) -> Episode:
    return Episode(
        id=row.id,
        system=row.system,
        family=row.family,
        rule=row.rule,
        opened_week=row.opened_week,
        opened_as_of=row.opened_as_of,
        policy_hash=row.policy_hash,
        record=json.loads(row.record),
        open=not row.ended,
    )


def _event(row: Row[Any]) -> Event:
    return Event(**{**row._mapping, "payload": json.loads(row.payload)})
