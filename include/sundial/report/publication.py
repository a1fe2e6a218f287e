"""One publication: from the store to the site in the lake, and its row in the ledger."""

from __future__ import annotations

from datetime import date

from sundial.lake import Lake
from sundial.register.load import Register
from sundial.register.models import Policy
from sundial.report.public import PublicRegister, public_register
from sundial.report.public_figures import file_figures
from sundial.report.public_site import publish, site
from sundial.report.weekly import build
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.register import RegisterRows
from sundial.store.results import Report, Results

PREFIX = "public/"
"""How the keys of publications begin among the reports."""


def publish_register(
    register: Register, policy: Policy, database: Database, lake: Lake, as_of: date, into: Lake | None = None
) -> tuple[Report, PublicRegister]:
    """Publishes the register as of a day; the same store, register and day give the same bytes and row.

    Args:
        register: as loaded; a system whose file is wrong is not in it and leaves the site.
        policy: the policy in force.
        database: the store.
        lake: where the record of what was ever published lies.
        as_of: in the City's calendar.
        into: where the site goes; the lake unless given.

    Returns:
        The row of the ledger, and what is public.
    """
    results, rows = Results(database), RegisterRows(database).rows()
    cases = Cases(database)
    report = build(register.systems, policy, results, cases, as_of, rows)
    figures = {
        name: file_figures(system, results, lake, as_of)
        for name, system in register.systems.items()
        if not system.example
    }
    public = public_register(report, register.systems, rows, cases, figures)
    manifest, digest = publish(into or lake, public, site(public, register.systems, rows))
    row = Report(f"{PREFIX}{manifest.split('/')[-2]}", as_of, digest, manifest)
    results.record_report(row)
    return row, public
