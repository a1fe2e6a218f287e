"""Since when the finding behind a case has been adverse: long before a rule confirms it, as a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sundial.register.models import Policy, System
from sundial.register.sunset_rules import (
    Condition,
    EvidenceCondition,
    FactCondition,
    IncidentsCondition,
    ProhibitedUseCondition,
    UnmeasuredCondition,
)
from sundial.store.adverse import Looked, first_adverse
from sundial.store.cases import Episode
from sundial.store.database import Database
from sundial.store.records import Kind
from sundial.sunset.conditions import metric_of
from sundial.sunset.history import PROHIBITED_USE
from sundial.sunset.rules import rules_of


def first_adverse_weeks(
    database: Database,
    policy: Policy,
    systems: Mapping[str, System],
    episodes: Iterable[Episode],
    until: date | None = None,
    as_of: date | None = None,
) -> Mapping[str, date]:
    """Returns Monday of the first week with an adverse finding behind each case, by its id.

    It is the week in which the case was opened, where nothing was adverse before, or nothing was measured.

    Args:
        database: the store.
        policy: the City's policy, which has the rules.
        systems: the register's entries by id.
        episodes: the cases.
        until: Monday of the last week that counts, where not all do.
        as_of: day whose knowledge counts.
    """
    opened = {episode.id: episode for episode in episodes}
    asked = {
        name: looked
        for name, episode in opened.items()
        if episode.system in systems and (looked := _looked(policy, systems[episode.system], episode.rule))
    }
    found = first_adverse(database, asked, until, as_of)
    return {
        name: min(episode.opened_week, found.get(name, episode.opened_week))
        for name, episode in opened.items()
    }


def _looked(policy: Policy, system: System, rule_id: str) -> Looked | None:
    rule = next((one.rule for one in rules_of(policy, system) if one.rule.id == rule_id), None)
    return None if rule is None else _of(rule.when, system)


def _of(condition: Condition, system: System) -> Looked | None:
    """Returns the findings that `conditions.concerns` names, for the database to look for."""
    match condition:
        case EvidenceCondition():
            metric = metric_of(condition, system)
            return Looked(system.id, condition.check, metric) if metric else None
        case ProhibitedUseCondition():
            return Looked(system.id, detail=PROHIBITED_USE)
        case FactCondition():
            return Looked(system.id, condition.check, kind=Kind.FACTUAL)
        case UnmeasuredCondition():
            return Looked(system.id, condition.check, system.intended_outcome.metric)
        case IncidentsCondition():
            return None
