"""Commands about the ledger: verify it, sign a checkpoint, make a key."""

from __future__ import annotations

from typing import Annotated

import typer

from sundial.cli.console import KEEP, PROBLEM, emit, problems_told, say
from sundial.cli.workbench import AsJson
from sundial.engine.settings import settings


def verify(
    checkpoints: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where checkpoints lie; else connection sundial_checkpoints says."),
    ] = None,
    public_key: Annotated[
        list[str] | None,
        typer.Option(metavar="HEX", help="Whose signatures count; give it again for an earlier key."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk all chains of the ledger, and hold rows and checkpoints against them.

    Names the first broken link of each chain, each row that was changed, removed or inserted, each checkpoint
    that is not borne out, and the links that no checkpoint protects yet. An auditor gives --checkpoints and
    --public-key, and need not trust this machine's connection. Exit code 1 when something is wrong.

    Example: sundial verify
    """
    from sundial.cli.connections import resolve
    from sundial.lake import Lake
    from sundial.store.checkpoints import verify as verify_store
    from sundial.sunset.checkpoint import NoCheckpoints, signer

    if (checkpoints is None) != (not public_key):
        raise typer.BadParameter("--checkpoints and --public-key go together")
    with problems_told():
        if checkpoints is not None:
            place, keys = Lake(checkpoints), tuple(public_key or ())
        else:
            try:
                found = signer(resolve)
                place, keys = found.place, found.public_keys
            except NoCheckpoints as error:
                say(f"Only the chains are walked, which a store that was made anew would pass: {error}")
                place, keys = None, ()
        result = verify_store(settings().open_store(), place, keys)
    if as_json:
        emit(
            {
                "links": result.links,
                "checkpoints": result.checkpoints,
                "last_checkpoint": result.last_checkpoint and result.last_checkpoint.isoformat(),
                "faults": [vars(fault) for fault in result.faults],
                "unprotected": [vars(span) for span in result.unprotected],
            }
        )
    else:
        for fault in result.faults:
            where = "" if fault.number is None else f", link {fault.number}"
            typer.secho(f"{fault.chain}{where}: {fault.what}", fg="red")
        for span in result.unprotected:
            which = f"link {span.first}" if span.first == span.last else f"links {span.first} to {span.last}"
            typer.echo(f"{span.chain}: no checkpoint protects {which} yet")
        last = f", the last of {result.last_checkpoint:%Y-%m-%d %H:%M} UTC" if result.last_checkpoint else ""
        number = len(result.faults)
        verdict = f"{number} fault{'s' if number > 1 else ''}" if number else "nothing is wrong"
        typer.echo(f"{result.links} links, {result.checkpoints} checkpoints{last}: {verdict}.")
    raise typer.Exit(PROBLEM if result.faults else 0)


def checkpoint() -> None:
    """Sign a checkpoint now; `sunset_watch` does so daily and `weekly_report` after each report.

    Refused when the store is not what the last checkpoint says.

    Example: sundial checkpoint
    """
    from sundial.cli.connections import resolve
    from sundial.store.checkpoints import sign
    from sundial.sunset.checkpoint import NoCheckpoints, signer

    with problems_told():
        try:
            found = signer(resolve)
        except NoCheckpoints as error:
            say(str(error))
            raise typer.Exit(PROBLEM) from error
        signed = sign(settings().open_store(), found.place, found.key)
    typer.echo(
        f"Checkpoint {signed.number} of {signed.at:%Y-%m-%d %H:%M} UTC covers {len(signed.heads)} chains."
    )


def checkpoint_key() -> None:
    """Make a key that signs checkpoints; it is shown once and kept nowhere.

    The private half belongs into the secrets backend, the public half to whoever verifies.

    Example: sundial checkpoint-key
    """
    from sundial.store.checkpoints import new_key

    private, public = new_key()
    typer.echo(f"private {private}\npublic {public}")


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(rich_help_panel=KEEP)(verify)
    app.command(rich_help_panel=KEEP)(checkpoint)
    app.command("checkpoint-key", rich_help_panel=KEEP)(checkpoint_key)
