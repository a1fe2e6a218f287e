"""What a viewer sees of figures that rest on few people: nothing that gives a count of 1 to 10 away.

A figure is withheld where its n, the cases that it counts, or all others are 1 to 10; and where exactly one
of a family (one measure by the same columns) is withheld, the smallest of the others is, too, so that the
total gives nothing back. The same holds for the parts of each group by a further column, whose total the
group is. Every other n is rounded to 5, so that two weeks do not tell who came in between.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, combinations
from typing import Any

from sundial.register.measures import MEASURES
from sundial.store.records import Finding

LEAST = 11
"""The smallest count that anybody may see who has no role."""

WITHHELD = "Withheld: it rests on a count of fewer than 11, or would give one away."

_BASE = 5
_NUMBER = re.compile(
    r"(?<![\w.,:/–-])(?:[1-9]|10)(?![\w.,:/–-]*\w)(?! (?:%|points?|days?|weeks?|months?|years?)\b)(?! %)"
)
"""A count of 1 to 10 in a sentence; no part of a date, a share or a term."""
_NO_PROPORTIONS = ("_age", "_difference", "_ratio", "_change")

Family = tuple[str, date, str, str, tuple[str, ...]]


@dataclass(frozen=True)
class _Sum:
    """Findings of parts that make up a whole; it is None where everybody knows it, or nobody does."""

    whole: Finding | None
    parts: Sequence[Finding]


def is_small(count: float | None) -> bool:
    """Returns whether a count is one of 1 to 10; 0 may show."""
    return count is not None and 0 < round(count, 6) < LEAST


def count_for(count: int, *, sees_small: bool) -> str:
    """Returns a count of rows as it may be shown."""
    return f"{count:,}" if sees_small or not is_small(count) else "fewer than 11"


def for_viewer(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Returns the findings, in their order, as somebody without a role sees them.

    Args:
        findings: whole families, or what belongs to a withheld one would not be found.
    """
    hidden = _withheld(findings)
    return tuple(
        replace(finding, reason=WITHHELD, estimate=None, interval=None, n=None, evidence=None, details={})
        if id(finding) in hidden
        else _rounded(finding)
        for finding in findings
    )


def _withheld(findings: Sequence[Finding]) -> frozenset[int]:
    """Returns the ids of those objects: their keys would take longer than all the rest."""
    families: defaultdict[Family, list[Finding]] = defaultdict(list)
    for finding in findings:
        families[_family(finding)].append(finding)
    hidden = {id(finding) for finding in findings if _gives_away(finding)}
    sums = [*_sums(families)]
    grows = True
    while grows:
        more = {id(also) for one in sums if (also := _also(one, hidden)) is not None}
        hidden |= more
        grows = bool(more)
    touched = {name for name, members in families.items() if any(id(one) in hidden for one in members)}
    # A gap names its groups' rates, so it goes with the first of them.
    compared = {(system, week, check, columns) for system, week, check, _, columns in touched}
    for finding in findings:
        named = next((level for column, level in finding.slice if column == "by"), "")
        columns = tuple(sorted(named.split(" × ")))
        if (
            finding.estimate is not None
            and (finding.system, finding.week, finding.check, columns) in compared
        ):
            hidden.add(id(finding))
    return frozenset(hidden)


def _sums(families: Mapping[Family, Sequence[Finding]]) -> Iterator[_Sum]:
    """Returns what adds up: each family, and the parts of each group in it that has figures of its own."""
    groups = {(*name[:4], frozenset(one.slice)): one for name, members in families.items() for one in members}
    for name, members in families.items():
        yield _Sum(None, members)
        columns = name[-1]
        for some in chain.from_iterable(combinations(columns, size) for size in range(1, len(columns))):
            parts: defaultdict[frozenset[tuple[str, str]], list[Finding]] = defaultdict(list)
            for one in members:
                parts[frozenset(pair for pair in one.slice if pair[0] in some)].append(one)
            for where, of in parts.items():
                if (whole := groups.get((*name[:4], where))) is not None:
                    yield _Sum(whole, of)


def _also(one: _Sum, hidden: Collection[int]) -> Finding | None:
    """Returns what must be withheld, too, so that the sum gives nothing back; None for nothing."""
    without = sum(id(part) in hidden for part in one.parts)
    rest = [part for part in one.parts if id(part) not in hidden and part.n]
    smallest = min(rest, key=lambda part: (part.n or 0, part.slice), default=None)
    if one.whole is not None and id(one.whole) in hidden:
        return smallest if without == 0 else None
    return (smallest or one.whole) if without == 1 else None


def _family(finding: Finding) -> Family:
    columns = tuple(sorted(column for column, _ in finding.slice))
    return finding.system, finding.week, finding.check, finding.metric, columns


def _gives_away(finding: Finding) -> bool:
    if is_small(finding.n) or any(map(is_small, _counts(finding.details))):
        return True
    return _few_cases(finding.metric, finding.estimate, finding.n) or any(
        _few_cases(finding.metric, rate, n) for rate, n in _rates(finding.details)
    )


def _few_cases(metric: str, rate: float | None, n: float | None) -> bool:
    """Returns whether a proportion counts 1 to 10 cases, or all but 1 to 10."""
    proportion = metric.endswith(("_rate", "_share", "_share_low", "_share_high")) or metric in MEASURES
    if rate is None or not n or not proportion or metric.endswith(_NO_PROPORTIONS) or not 0 <= rate <= 1:
        return False
    return is_small(rate * n) or is_small((1 - rate) * n)


def _counts(details: Mapping[str, Any]) -> Iterator[float]:
    for name, value in details.items():
        if name != "n" and not name.endswith("_n") and not name.startswith("n_") and name != "reasons":
            continue
        yield from (one for one in _flat(value) if isinstance(one, int | float))


def _rates(details: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    rates, n = details.get("rates"), details.get("n")
    if isinstance(rates, Mapping) and isinstance(n, Mapping):
        yield from ((rate, n[group]) for group, rate in rates.items() if group in n and rate is not None)
    for rate, of in (("rest", "rest_n"), ("reference_rate", "reference_n")):
        if details.get(rate) is not None and details.get(of) is not None:
            yield details[rate], details[of]


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value
    else:
        yield value


def _rounded(finding: Finding) -> Finding:
    details = {
        name: _coarse(value) if name == "n" or name.endswith("_n") or name.startswith("n_") else value
        for name, value in finding.details.items()
    }
    reason = _NUMBER.sub("fewer than 11", finding.reason)
    return replace(finding, n=_coarse(finding.n), details=details, reason=reason)


def _coarse(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _coarse(one) for name, one in value.items()}
    if isinstance(value, int | float) and value >= LEAST:
        return round(value / _BASE) * _BASE
    return value
