"""Values that several standards make of the same parts of an entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sundial.register.exports.standard import Value, plain
from sundial.register.fact_sheet import VendorClaim
from sundial.register.impact import Assessment, DataSource, KnownRisk
from sundial.register.lifecycle import CROSSWALK, Lifecycle
from sundial.register.oversight import MonitoringPlan


def constant(text: str) -> Callable[[], Value]:
    """Return what makes the same value for every system."""
    return lambda: text


def first(*values: Any) -> Value:
    """Return the first value that there is."""
    return next((made for value in values if (made := plain(value))), None)


def together(*values: Any) -> Value:
    """Return the texts that there are, one paragraph each."""
    return "\n\n".join(str(value) for value in values if value) or None


def word(words: Mapping[str, str]) -> Callable[[Any], Value]:
    """Return what says one of the entry's words in the standard's."""
    return lambda value: None if value is None else words[value]


def remark(status: Lifecycle, end_reason: str | None) -> str | None:
    """Return what the standard's word for a status leaves unsaid; of a retired system, why it ended."""
    return end_reason if status is Lifecycle.RETIRED else CROSSWALK[status].remark


def described(description: str, status: Lifecycle, end_reason: str | None) -> Value:
    """Return the short description with the remark behind it, for standards without a field for remarks."""
    return " ".join(part for part in (description, remark(status, end_reason)) if part)


def each(part: str) -> Callable[[Iterable[Any] | None], Value]:
    """Return what makes a list of one field of several items: as many texts as items, empty where unsaid."""

    def make(items: Iterable[Any] | None) -> Value:
        return tuple(str(plain(getattr(item, part)) or "") for item in items or ()) or None

    return make


def sources(items: Iterable[DataSource] | None) -> Value:
    """Return data sources as one text, a line each, with what they are used for."""
    return _lines(": ".join(part for part in (item.name, item.description) if part) for item in items or ())


def risks(items: Iterable[KnownRisk] | None) -> Value:
    """Return risks as one text, a line each, with what is done about them."""
    return _lines(
        ": ".join(part for part in (item.name, item.description) if part)
        + (f" Mitigation: {item.mitigation}" if item.mitigation else "")
        for item in items or ()
    )


def assessments(*kinds: str) -> Callable[[Iterable[Assessment] | None], Value]:
    """Return what tells the impact assessments of these kinds as one text, a line each."""

    def make(items: Iterable[Assessment] | None) -> Value:
        return _lines(
            ": ".join(part for part in (item.title, item.summary) if part)
            for item in items or ()
            if item.kind in kinds
        )

    return make


def assessment_link(kind: str) -> Callable[[Iterable[Assessment] | None], Value]:
    """Return what gives the link of the first assessment of a kind that has one."""
    return lambda items: next((item.link for item in items or () if item.kind == kind and item.link), None)


def monitoring(plan: MonitoringPlan | None) -> Value:
    """Return the monitoring plan as one text."""
    if plan is None:
        return None
    return f"{'; '.join(plan.criteria)}. How often: {plan.frequency}. By: {plan.by}."


def claims(items: Iterable[VendorClaim] | None) -> Value:
    """Return the vendor's figures as one text that says whose they are."""
    told = [_claim(item) for item in items or ()]
    return f"Claimed by the vendor, not measured by the City: {'; '.join(told)}." if told else None


def _claim(item: VendorClaim) -> str:
    details = [
        f"n = {item.n}" if item.n else None,
        item.date.isoformat() if item.date else None,
        item.source,
    ]
    known = ", ".join(detail for detail in details if detail)
    return f"{item.metric} {item.value:g}" + (f" ({known})" if known else "")


def _lines(texts: Iterable[str]) -> Value:
    return "\n".join(texts) or None
