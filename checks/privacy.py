"""6 Privacy: do outputs give away personal data, and is the use of data reported?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

from checks.attestations import attested, not_operated
from checks.cells import by_level
from checks.flags import flagged
from checks.measures import measure_of, whole
from sundial.api import (
    UNKNOWN,
    Check,
    FeedName,
    Finding,
    Kind,
    OutputsFeed,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    counts,
    emotional_levels,
    fields_beyond,
    named_for_emotions,
)

METRIC = "pii_share"
KINDS = counts("outputs", ["pii_kinds"])


class PersonalData(Check):
    """Share of outputs in whose text a pattern of personal data was found, against the policy's ceiling.

    The text was read where it arrived and never kept: of a hit nothing is known but its kind. Names, postal
    addresses and what is written in words have no pattern; without a hit a text is not proven clean.

    Formula:
        pii_share = outputs with a pattern of personal data / outputs with a text.

    Read:
        Look at `details.by_kind`, then at the source: the texts themselves are not kept. A hit is a pattern,
        not yet a leak.

    Source:
        NIST AI RMF, MEASURE 2.10; the libraries and their limits are in `docs/privacy.md`; Wilson 1927,
        Robbins 1970.
    """

    name = "privacy.pii"
    principle = Principle.PRIVACY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        if not _read(system.feeds.outputs):
            return []
        return [measure_of(system, METRIC).statistic, KINDS]

    def measure(self, view: View) -> Iterator[Finding]:
        outputs = view.system.feeds.outputs
        if _read(outputs):
            nothing = "No output in the window has a text."
            finding = flagged(view, METRIC, Side.CEILING, nothing=nothing)
            yield replace(finding, details={"by_kind": _by_kind(view)})
        elif outputs is not None and outputs.task == "text":
            reason = "The outputs are texts that nobody looks through; name them as feeds.outputs.text."
            yield view.finding(METRIC, Status.NOT_MEASURED, reason)
        else:
            reason = "The entry names no text among the outputs; where there is one, add feeds.outputs.text."
            yield view.finding(METRIC, Status.NOT_APPLICABLE, reason)


def _read(outputs: OutputsFeed | None) -> bool:
    return outputs is not None and outputs.text is not None


def _by_kind(view: View) -> dict[str, float]:
    """Returns outputs by kind of pattern, most first; an output with two kinds counts in both."""
    found: Counter[str] = Counter()
    cells = view.cells(KINDS)
    for kinds, n in zip(cells["pii_kinds"], cells["n"], strict=True):
        if kinds not in (UNKNOWN, "none"):
            found.update(dict.fromkeys(str(kinds).split(","), n))
    return {kind: whole(float(n)) for kind, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))}


class Fields(Check):
    """The sources offer no field beyond what the entry uses or allows.

    Sundial takes the columns that have a use and no other; but who offers more to it may offer it to others.
    Only the names of the columns are kept, as of the last pull that brought rows.

    Formula:
        beyond = columns that the source has − columns that the entry gives a use − `also_present`.

    Read:
        `watch` while there is one, `breach` when the grace has passed. `details.fields` names them by feed.
        Have the source leave them out, or say in the entry that they may be there.

    Source:
        NIST Privacy Framework 1.0, CT.DP-P: processing is limited to what is needed.
    """

    name = "privacy.fields"
    principle = Principle.PRIVACY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        metric, system = "fields_beyond", view.system
        feeds = [name for name in get_args(FeedName) if getattr(system.feeds, name) is not None]
        offered = {name: names for name in feeds if (names := view.offered(name)) is not None}
        if not system.operated:
            yield not_operated(view, metric)
        elif not offered:
            reason = "No pull up to the week's end tells which fields the sources offer."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        else:
            fields = {name: fields_beyond(system, name, names) for name, names in offered.items()}
            beyond = {name: names for name, names in fields.items() if names}
            told = "; ".join(f"{name}: {_few(names)}" for name, names in beyond.items())
            yield view.fact(
                metric,
                since=view.held_since(metric) if beyond else None,
                term=metric,
                reason=f"Offered, but neither used nor allowed as also_present: {told}.",
                ok="The sources offer no field that the entry neither uses nor allows.",
                fields=beyond,
                not_known=[name for name in feeds if name not in offered],
            )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


class Retention(Check):
    """The source of the outputs holds no row for longer than the entry allows.

    Formula:
        overdue since = oldest day that the source still has + `retention_days` + 1.

    Read:
        `watch` while there is such a row, `breach` once it has been overdue for longer than the grace. It
        is about the source, as of the week's last pull; Sundial's own lake is not what is looked at. Outputs
        by a key that Sundial reads may lie elsewhere, too.

    Source:
        NIST Privacy Framework 1.0, CT.DM-P5: data are destroyed according to policy.
    """

    name = "privacy.retention"
    principle = Principle.PRIVACY
    kind = Kind.FACTUAL
    feeds = ("outputs",)

    def measure(self, view: View) -> Iterator[Finding]:
        metric, seen, outputs = "retention", view.oldest_output(), view.system.feeds.outputs
        days = outputs.retention_days if outputs is not None else None
        if not view.system.operated:
            yield not_operated(view, metric)
        elif days is None:
            reason = "Give feeds.outputs.retention_days: how long the source may hold a row."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        elif seen is None:
            reason = "No pull as of a day of this week has learnt how old the source's rows are."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        elif seen.unknown is not None:
            reason = f"How old the source's rows are is not known: {seen.unknown}."
            yield view.finding(metric, Status.NOT_MEASURED, reason)
        else:
            overdue = date.fromisoformat(seen.day) + timedelta(days=days + 1) if seen.day else None
            yield view.fact(
                metric,
                since=overdue if overdue is not None and overdue <= view.end else None,
                term=metric,
                reason=f"The source still has rows of {seen.day}; it may hold them for {days} days.",
                ok=f"The source has no row that is older than {days} days.",
                oldest=seen.day,
                asked=seen.asked,
                retention_days=days,
            )


class ProhibitedLevels(Check):
    """No output is a level that reads as an emotion, and no field of the source is named for one.

    The register asks whether a system analyses emotions; this looks whether it does.

    Formula:
        the levels of the week's outputs, by column, that consist of words for emotions in English or
        Spanish, as `sundial.register.emotions` lists them; positive and negative count together with
        neutral only. And the columns that the source offers with a word such as sentiment in their name.

    Read:
        `breach` at once: there is no grace for a prohibited use. `details.levels` and `details.fields` name
        them, `details.prohibited_use` the use. It is by words only: look at what the column is.

    Source:
        The City's AI policy, prohibited uses.
    """

    name = "privacy.prohibited_levels"
    principle = Principle.PRIVACY
    kind = Kind.FACTUAL
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [counts("outputs", [column]) for column in _columns_of_levels(system)]

    def measure(self, view: View) -> Iterator[Finding]:
        metric, levels = "prohibited_levels", dict[str, list[str]]()
        for column in _columns_of_levels(view.system):
            cells = view.new_cells(counts("outputs", [column]))
            found = emotional_levels(by_level(cells[cells["n"] > 0], column))
            if found:
                levels[column] = found
        fields = [name for name in view.offered("outputs") or () if named_for_emotions(name)]
        told = [f"{column}: {_few(found)}" for column, found in levels.items()]
        told += [f"the source has the fields {_few(fields)}"] if fields else []
        yield view.fact(
            metric,
            since=view.held_since(metric) if told else None,
            term=metric,
            reason=f"Outputs read as emotions, a prohibited use: {'; '.join(told)}.",
            ok="No level of the outputs reads as an emotion.",
            levels=levels,
            fields=fields,
            prohibited_use="emotion_analysis",
        )


def _columns_of_levels(system: System) -> Sequence[str]:
    outputs = system.feeds.outputs
    classes = ["predicted_class"] if outputs is not None and outputs.task == "multiclass" else []
    return [*system.categories, *classes]


class DataUsageReport(Check):
    """The report on how the system uses data was renewed within the policy's term.

    Formula:
        age = Sunday of the week − date of the report; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. Record it as
        `attestations.data_usage_report`.

    Source:
        The City's AI policy, Privacy; the yearly term is the City's choice.
    """

    name = "privacy.data_usage_report"
    principle = Principle.PRIVACY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "data_usage_report_age", "The data usage report")


class SmallCells(Check):
    """No count from 1 to 10 is among the figures that the public register shows of the system.

    The figures are read again from the record of what was published, by whichever version of Sundial.

    Formula:
        small = public counts, hits or the others of a row, from 1 to 10.

    Read:
        `watch` on its first day, `breach` from the next on: what is public cannot be taken back.
        `details.withheld` tells how many cells of the last published window are withheld or merged. Not
        applicable until figures are published.

    Source:
        CMS Cell Size Suppression Policy; the rule is in `docs/public.md`.
    """

    name = "privacy.small_cells"
    principle = Principle.PRIVACY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        metric, found = "published_small_cells", view.published()
        if found is None:
            reason = "No figure of the system was published by the week's end."
            yield view.finding(metric, Status.NOT_APPLICABLE, reason)
            return
        yield view.fact(
            metric,
            since=found.small_since,
            term=metric,
            reason=f"{found.small} of {found.counts} public counts are from 1 to 10; take the figures off.",
            ok=f"None of {found.counts} public counts is from 1 to 10; "
            f"of the last window {found.withheld} cells are withheld or merged.",
            counts=found.counts,
            small=found.small,
            withheld=found.withheld,
            published=found.last.isoformat(),
        )
