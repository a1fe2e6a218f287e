"""What the pages are told from outside: who asks, where things lie, how Airflow's pages are called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request

from sundial.engine.settings import Settings
from sundial.register.models import Policy
from sundial.sources.connection import Connection

WITH_SMALL_CELLS = frozenset({"cio", "cdpo", "operator", "engineer"})
"""Roles of the policy that see counts of 1 to 10."""


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in to Airflow.

    Attributes:
        name: the user name that `policy.yaml` has.
        may_see: whether a system of this id is theirs to see.
    """

    name: str
    may_see: Callable[[str], bool]


@dataclass(frozen=True)
class Site:
    """What the pages do not know themselves.

    Attributes:
        signed_in: returns who sent a request; None for nobody. Raises PageError where they may not enter.
        settings: returns where store, lake, register and policy lie.
        airflow: returns the address of a page of Airflow's, given its path such as "/dags/sunset_review".
        dag_of: returns the id of the DAG that monitors a system.
        question: returns the page of Airflow's on which the question of a review run is answered, given the
            id of the run.
        connection: returns a connection by its id. Raises LookupError.
    """

    signed_in: Callable[[Request], Awaitable[SignedIn | None]]
    settings: Callable[[], Settings]
    airflow: Callable[[str], str]
    dag_of: Callable[[str], str]
    question: Callable[[str], str]
    connection: Callable[[str], Connection]


@dataclass(frozen=True)
class Visitor:
    """Who reads a page, by the policy's map of roles; without a role they are a viewer.

    Attributes:
        roles: names of the policy's roles, such as "cdpo".
    """

    name: str
    roles: frozenset[str]
    may_see: Callable[[str], bool]

    @property
    def sees_small_cells(self) -> bool:
        """Whether counts of 1 to 10 are theirs to see."""
        return bool(self.roles & WITH_SMALL_CELLS)


def visitor_of(who: SignedIn, policy: Policy) -> Visitor:
    """Returns the visitor with the roles that the policy gives to the user name."""
    roles = frozenset(str(role) for role, filled in policy.roles.items() if who.name in filled.users)
    return Visitor(who.name, roles, who.may_see)


class PageError(Exception):
    """What a page says instead of itself.

    Attributes:
        status: the HTTP status.
        title: what is wrong, in a few words.
        remedy: what to do about it.
        link: where to go from there, as (label, path of Airflow's), if anywhere.
    """

    def __init__(self, status: int, title: str, remedy: str, link: tuple[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.remedy = remedy
        self.link = link
