"""`sundial new system`: the questions, each with an option, and what is done with the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from sundial.cli.console import PROBLEM, problems_told, say
from sundial.engine.settings import settings

if TYPE_CHECKING:
    import pyarrow as pa

    from sundial.cli.proposals import Proposal, Role

_METRIC = "accuracy"
_NOT_PROHIBITED = "Answers no to every question about prohibited uses; --yes does not."


def system(
    system_id: Annotated[str | None, typer.Option("--id", help="Small letters, digits and hyphens.")] = None,
    name: Annotated[str | None, typer.Option(help="What residents know the system by.")] = None,
    description: Annotated[str | None, typer.Option(help="One sentence: what it is for.")] = None,
    department: Annotated[str | None, typer.Option(help="The department that uses it.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for it: first and last name.")] = None,
    email: Annotated[str | None, typer.Option(help="The owner's e-mail address.")] = None,
    tier: Annotated[str | None, typer.Option(help="rights, safety, service or internal.")] = None,
    decides: Annotated[str | None, typer.Option(help="What an output decides, and what a person.")] = None,
    outcome: Annotated[str | None, typer.Option(help="The positive outcome, in one sentence.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="The measure of the outcome, such as accuracy or precision.")
    ] = None,
    target: Annotated[float | None, typer.Option(help="The least value that will do, such as 0.8.")] = None,
    data: Annotated[
        str | None, typer.Option(help="Files of the outputs: a path or address to parquet, csv or jsonl.")
    ] = None,
    outcomes_data: Annotated[
        str | None,
        typer.Option(help="Files of their outcomes, with the outputs' key and 0 or 1; - for none."),
    ] = None,
    connection: Annotated[
        str | None, typer.Option(help="Connection that reaches the files, where one is needed.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Column that identifies an output.")] = None,
    date: Annotated[str | None, typer.Option(help="Column with the day of the output.")] = None,
    prediction: Annotated[
        str | None, typer.Option(help="Column with the decision, 0 or 1; - for none.")
    ] = None,
    score: Annotated[str | None, typer.Option(help="Column with the score; - for none.")] = None,
    score_range: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="What the score can be, such as 0,1.")
    ] = None,
    positive_at: Annotated[
        float | None, typer.Option(help="Score from which on an output is positive.")
    ] = None,
    model_version: Annotated[
        str | None, typer.Option(help="Column with the version of the model; - for none.")
    ] = None,
    categories: Annotated[
        str | None, typer.Option(help="Columns of levels, joined by commas; - for none.")
    ] = None,
    groups: Annotated[
        str | None, typer.Option(help="Columns that name whom to compare, joined by commas; - for none.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="When Airflow runs it: daily, weekly, or manual.")
    ] = None,
    prohibited_use: Annotated[
        list[str] | None, typer.Option(help="Id of a prohibited use that the system is; refuses it.")
    ] = None,
    not_prohibited: Annotated[bool, typer.Option("--not-prohibited", help=_NOT_PROHIBITED)] = False,
    answered_by: Annotated[str | None, typer.Option(help="Who answered about prohibited uses.")] = None,
    register: Annotated[
        Path | None, typer.Option(help="Folder of register files; SUNDIAL_REGISTER by default.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take every proposal, and ask nothing.")] = False,
) -> None:
    """Write a system's register entry: asks, looks at the data, proposes, and validates what it wrote.

    Every question has an option. Exit code 1 when the data cannot be used, the policy prohibits the system,
    or the written entry has a problem.

    Example: sundial new system --data outputs.parquet --outcomes-data outcomes.csv
    """
    from sundial.cli import new_system as new
    from sundial.cli.connections import resolve
    from sundial.cli.proposals import NONE
    from sundial.cli.validate import validate_register
    from sundial.register.load import load_policy
    from sundial.sources.errors import SourceError

    asked = _Asking(yes)
    with problems_told():
        where = settings()
        zone = ZoneInfo(load_policy(where.policy).timezone)
        folder = register or where.register
        made_id = asked("Id, such as street-light-triage", system_id, "--id")
        try:
            path = new.path_of(folder, made_id)
            new.refuse_prohibited(prohibited_use or ())
            title = asked("Name", name, "--name", made_id.replace("-", " ").capitalize())
            source = new.source_of(asked("Where is the data of its outputs", data, "--data"), connection)
            table = new.look(source, resolve, made_id)
            named: dict[Role, str | None] = {"key": key, "date": date, "prediction": prediction}
            chosen = _columns(asked, table, {**named, "score": score, "model_version": model_version})
            chosen = _score(asked, chosen, score_range, positive_at)
            chosen = replace(
                chosen,
                categories=asked.several("Columns of levels", categories, "--categories", chosen.categories),
                groups=asked.several("Columns of whom to compare", groups, "--groups", chosen.groups),
            )
            new.refuse_strangers(table, [*chosen.categories, *chosen.groups])
            found = new.found_in(source, chosen, resolve, zone, made_id)
            truth = asked(
                "Where is the data of their outcomes, - for none", outcomes_data, "--outcomes-data", NONE
            )
            if truth != NONE:
                of_truth = new.source_of(truth, connection)
                looked = new.outcomes_in(of_truth, table, chosen, resolve, zone, made_id)
                found = replace(found, outcomes=looked)
            today = datetime.now(zone).date()
            who = asked("Owner", owner, "--owner")
            told = new.Told(
                id=made_id,
                name=title,
                description=asked(
                    "What is it for, in a sentence", description, "--description", f"{title}: a system."
                ),
                department=asked("Department", department, "--department"),
                owner=who,
                email=asked("The owner's e-mail address", email, "--email"),
                tier=asked("Risk tier: rights, safety, service or internal", tier, "--tier", "rights"),
                decides=asked("What does an output decide", decides, "--decides", "Not described yet."),
                outcome=asked(
                    "The positive outcome, in a sentence", outcome, "--outcome", "Its decisions are right."
                ),
                metric=asked("The measure of it", metric, "--metric", _METRIC),
                target=asked.number("Its target", target, "--target", 0.8),
                answered_by=asked.uses(new.questions(), answered_by, who, not_prohibited=not_prohibited),
                schedule=asked(
                    "When Airflow runs it: daily, weekly or manual",
                    schedule,
                    "--schedule",
                    new.schedule_of(found, today),
                ),
                today=today,
            )
        except (new.NewSystemError, SourceError) as error:
            say(str(error))
            raise typer.Exit(PROBLEM) from error
        path.write_text(new.entry_text(told, found), encoding="utf-8")
        typer.echo(f"Wrote {path}")
        said = validate_register(folder, where.policy)
    for line in new.lines_of(path, [*said.problems, *said.warnings]):
        say(line)
    if new.lines_of(path, said.problems):
        say("The entry has problems: mend them, and ask again by `sundial validate`")
        raise typer.Exit(PROBLEM)
    typer.echo(f"The entry is valid. See what would be found: sundial try {made_id}")


class _Asking:
    """Asks on the terminal what no option says; with `--yes` it takes proposals."""

    def __init__(self, yes: bool) -> None:
        self._yes = yes

    def __call__(self, question: str, option: str | None, name: str, proposal: str | None = None) -> str:
        if option is not None:
            return option
        if not self._yes:
            return str(typer.prompt(question, default=proposal))
        if proposal is None:
            raise typer.BadParameter(f"there is no proposal for this; give {name}")
        return proposal

    def number(self, question: str, option: float | None, name: str, proposal: float) -> float:
        """Returns a number; an answer that is none is asked for again."""
        while True:
            said = self(question, None if option is None else f"{option}", name, f"{proposal:g}")
            try:
                return float(said)
            except ValueError:
                say(f"{said!r} is no number; write it like {proposal:g}")

    def several(self, question: str, option: str | None, name: str, proposal: Sequence[str]) -> list[str]:
        """Returns columns, of a list joined by commas."""
        said = self(f"{question}, joined by commas, - for none", option, name, ",".join(proposal) or "-")
        return [] if said == "-" else [column.strip() for column in said.split(",")]

    def uses(self, questions: Mapping[str, str], by: str | None, owner: str, *, not_prohibited: bool) -> str:
        """Asks whether the system is a prohibited use, and returns who answered."""
        from sundial.cli.new_system import refuse_prohibited

        if self._yes and not not_prohibited:
            raise typer.BadParameter(
                "the questions about prohibited uses have no proposal; answer no to all of them by "
                f"--not-prohibited, or name the use by --prohibited-use: {'; '.join(questions.values())}"
            )
        if not not_prohibited:
            say("The City's AI policy prohibits some uses. Is the system, or could it be used for:")
            refuse_prohibited([use for use, text in questions.items() if typer.confirm(f"{text}?")])
        return self("Who answered these questions: name and role", by, "--answered-by", owner)


def _columns(asked: _Asking, table: pa.Table, options: Mapping[Role, str | None]) -> Proposal:
    """Returns what the columns are, each role asked in its turn."""
    from sundial.cli.new_system import proposed
    from sundial.cli.proposals import NONE, Range

    named = {role: option for role, option in options.items() if option is not None}
    for role in options:
        value = getattr(proposed(table, named), role)
        column = value.column if isinstance(value, Range) else value
        question = f"Column of the {role.replace('_', ' ')}, {NONE} for none"
        named[role] = asked(question, named.get(role), f"--{role.replace('_', '-')}", column or NONE)
    return proposed(table, named)


def _score(asked: _Asking, chosen: Proposal, ends: str | None, positive_at: float | None) -> Proposal:
    """Returns the columns with the score's range and the score from which on an output is positive."""
    score = chosen.score
    if score is None:
        return chosen
    said = asked("What the score can be: low,high", ends, "--score-range", f"{score.low:g},{score.high:g}")
    try:
        low, high = (float(end) for end in said.split(","))
    except ValueError:
        raise typer.BadParameter(f"{said!r} is no range; write it like 0,1") from None
    moved = replace(chosen, score=replace(score, low=low, high=high), positive_at=(low + high) / 2)
    if chosen.prediction is not None:
        return moved
    at = asked.number("Score from which on it is positive", positive_at, "--positive-at", (low + high) / 2)
    return replace(moved, positive_at=at)
