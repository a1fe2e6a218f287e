"""The triggers that keep a table append-only, for migrations."""

from __future__ import annotations

from alembic import op

# The texts are of the triggers that the first migrations made: a store is the same, whichever made it.


def keep_append_only(table: str) -> None:
    """Lets the database refuse every UPDATE and DELETE of a table, and TRUNCATE where there is one."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION sundial_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        refuse(table, verb)


def refuse(table: str, verb: str) -> None:
    """Lets SQLite refuse one verb on a table."""
    op.execute(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused; "
        "record a correction as a new row'); END"
    )
