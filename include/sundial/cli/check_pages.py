"""A page for each check, from what it says of itself: `python -m sundial.cli.check_pages` writes them.

The text is the class's docstring, with its parts `Formula:`, `Read:` and `Source:`. The thresholds are those
of the policy that the check's code names. Checks of installed packages have no page: theirs is elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sundial.engine.check import Check
from sundial.engine.discover import PACKAGE, Unusable, discover
from sundial.engine.settings import INCLUDE, settings
from sundial.engine.texts import texts_of, top_package
from sundial.engine.told import PARTS, told
from sundial.register.load import load_policy
from sundial.register.models import Policy
from sundial.register.principles import Principle
from sundial.store.records import Kind

INDEX = "index.md"

_MADE = "Made by `python -m sundial.cli.check_pages` from the checks themselves: change their docstrings."


def pages(policy: Policy, checks: Sequence[Check]) -> Mapping[str, str]:
    """Returns the text of each page by its file's name, the index among them."""
    usable = [
        check
        for check in checks
        if not isinstance(check, Unusable) and top_package(type(check).__module__) == PACKAGE
    ]
    return {
        INDEX: _index(usable),
        **{f"{check.name}.md": _page(check, policy) for check in usable},
    }


def write(folder: Path) -> None:
    """Writes all pages, and removes those of checks that are gone."""
    made = pages(load_policy(settings().policy), discover())
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def _index(checks: Sequence[Check]) -> str:
    parts = ["# The checks", "", _MADE, "How one is written: [../checks.md](../checks.md).", ""]
    for number, principle in enumerate(Principle, 1):
        own = [check for check in checks if check.principle is principle]
        parts += [f"## {number} {principle.label}", ""]
        if own:
            rows = [f"| [`{check.name}`]({check.name}.md) | {told(check).summary} |" for check in own]
            parts += ["| check | what it measures |", "|---|---|", *rows, ""]
        else:
            parts += ["No check yet; its findings are `not_measured`.", ""]
    return "\n".join(parts)


def _page(check: Check, policy: Policy) -> str:
    of = told(check)
    kind = (
        "statistical: only evidence carried over the weeks makes it `breach`"
        if check.kind is Kind.STATISTICAL
        else "factual: `watch` from its limit on, `breach` when its grace has passed, too"
    )
    feeds = ", ".join(f"`{feed}`" for feed in check.feeds) or "none; it looks at the register entry"
    module = type(check).__module__
    lines = [
        f"# `{check.name}`",
        "",
        _MADE,
        "",
        of.text,
        "",
        f"- **Principle**: {check.principle.label}",
        f"- **Kind**: {kind}",
        f"- **Cannot do without the feeds**: {feeds}",
        f"- **Code**: `{type(check).__qualname__}` in `{module}`",
        "",
    ]
    for name, heading in PARTS.items():
        if name in of.parts:
            lines += [f"## {heading}", "", of.parts[name], ""]
    lines += ["## What the policy sets", "", *_thresholds(check, policy), ""]
    return "\n".join(lines)


def _thresholds(check: Check, policy: Policy) -> Iterator[str]:
    named = texts_of(type(check))
    rows = [
        f"| `{name}` | {approved.value:g} | {approved.meaning} |"
        for name, approved in policy.thresholds.items()
        if name in named
    ]
    rows += [
        f"| `{name}` | {grace.limit_days} days, {grace.grace_days} days of grace | {grace.meaning} |"
        for name, grace in policy.terms.items()
        if name in named
    ]
    if not rows:
        yield "Nothing: its bounds are in the register entry, or it is reported without one."
        return
    yield "The values in force are in `policy.yaml`, with who approved them and when."
    yield ""
    yield "| name | value | meaning |"
    yield "|---|---|---|"
    yield from rows


def main() -> None:
    """Writes the pages of the checkout's checks."""
    write(INCLUDE.parent / "docs" / PACKAGE)


if __name__ == "__main__":
    main()
