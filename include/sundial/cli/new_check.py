"""A check to begin with: its module, its test and its page, which pass as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template

from sundial.engine.discover import discover
from sundial.register.principles import Principle

FOLDER = "custom"
"""Where a city's own checks lie, and how their names begin."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_CHECK = Template('''"""$title: say in one line what is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checks.measures import whole
from sundial.api import (
    Check,
    Finding,
    Principle,
    Statistic,
    System,
    View,
    counts,
    intervals,
    judge_estimate,
)

DECISIONS = counts("outputs", ["predicted"])


class $kind(Check):
    """Share of outputs that the system decides positively: say here what your check measures.

    Formula:
        $metric = outputs with a positive decision / outputs with one.

    Read:
        Say what a high and a low figure mean, and what to look at first.

    Source:
        Wilson 1927 for the interval.
    """

    name = "$name"
    principle = Principle.$principle
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        return [DECISIONS]

    def measure(self, view: View) -> Iterator[Finding]:
        cells = view.cells(DECISIONS)
        positive, negative = (
            whole(float(cells.loc[cells["predicted"] == value, "n"].sum())) for value in (1, 0)
        )
        n = positive + negative
        estimate = positive / n if n else None
        # Reported only. To hold it against a threshold of the policy see docs/checks.md.
        status, reason = judge_estimate(estimate, n, None, None, beyond=False)
        yield view.finding(
            "$metric",
            status,
            reason,
            window=view.window_of(DECISIONS),
            estimate=estimate,
            interval=intervals.proportion(positive, n),
            n=n,
        )
''')

_TEST = Template('''"""$title: what it finds in rows whose figures are known."""

from __future__ import annotations

from checks.custom.$module import $kind
from sundial.api import Status
from sundial.testing import measured


def test_three_of_four_outputs_are_positive() -> None:
    week = [{"decision": int(place % 4 > 0)} for place in range(40)]
    *_, last = measured($kind(), [week] * 3)
    assert [(found.estimate, found.n, found.status) for found in last] == [(0.75, 120, Status.OK)]


def test_a_few_outputs_say_nothing() -> None:
    *_, last = measured($kind(), [[{"decision": 1}] * 5])
    assert [found.status for found in last] == [Status.INSUFFICIENT]
''')


class NewCheckError(ValueError):
    """The check cannot be made; the message says why and what to do."""


def new_check(root: Path, name: str, principle: Principle) -> Sequence[Path]:
    """Writes a check, its test and its page into a checkout.

    Args:
        root: the checkout.
        name: of the check without `custom.`, in words joined by `_`.
        principle: which it measures.

    Returns:
        What was written.

    Raises:
        NewCheckError: the name is none, or taken.
    """
    module = name.removeprefix(f"{FOLDER}.")
    if not _NAME.fullmatch(module):
        raise NewCheckError(f"{name!r} is no name; give words of small letters, such as flagged_online")
    check = root / "checks" / FOLDER / f"{module}.py"
    test = root / "tests" / "checks" / FOLDER / f"test_{module}.py"
    if f"{FOLDER}.{module}" in {one.name for one in discover()} or check.exists() or test.exists():
        raise NewCheckError(f"a check {FOLDER}.{module} exists; choose another name")
    words = {
        "title": module.replace("_", " ").capitalize(),
        "kind": "".join(word.capitalize() for word in module.split("_")),
        "module": module,
        "name": f"{FOLDER}.{module}",
        "metric": f"{module}_share",
        "principle": principle.name,
    }
    for path, template in ((check, _CHECK), (test, _TEST)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.substitute(words), encoding="utf-8")
    # By a process of its own: this one has imported the checks already.
    subprocess.run([sys.executable, "-m", "sundial.cli.check_pages"], cwd=root, check=True)
    return [check, test, root / "docs" / "checks" / f"{FOLDER}.{module}.md"]
