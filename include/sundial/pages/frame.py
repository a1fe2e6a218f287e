"""What every page has in common: who asks, what they may see, the templates, the navigation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup, escape

from sundial.engine.clock import week_name
from sundial.pages.city import City
from sundial.pages.site import PageError, Site, Visitor, visitor_of
from sundial.register.models import System
from sundial.report.page import environment
from sundial.report.people import raised
from sundial.report.plain import clean
from sundial.report.waiting import role_name

_CODE = re.compile(r"`([^`]+)`")
LONGEST = 2000
"""Characters of one text that are shown."""

NAVIGATION = (
    ("Portfolio", "/"),
    ("Sunset queue", "/sunset/"),
    ("Incidents", "/incidents/"),
    ("Register", "/register/"),
    ("Ledger", "/ledger/"),
)
"""Label and path of each page that the bar at the top leads to."""


@dataclass(frozen=True)
class Visit:
    """One request: who asks, and of which city.

    Attributes:
        base: the path under which the pages lie, such as "/ai-health".
    """

    request: Request
    site: Site
    city: City
    visitor: Visitor
    base: str

    @cached_property  # the register's files are looked at once a request, not once a case
    def systems(self) -> Mapping[str, System]:
        """The systems of the register that the visitor may see, by id."""
        return {name: one for name, one in self.city.systems.items() if self.visitor.may_see(name)}

    def system(self, name: str) -> System:
        """Returns a system that the visitor may see. Raises PageError: there is none, for them."""
        found = self.systems.get(name)
        if found is None:
            raise PageError(
                404,
                f"No system is called “{clean(name, 60)}”",
                "It is not in the register, its file cannot be used, or it is not yours to see.",
            )
        return found

    def page(self, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
        """Returns the page that a template makes of what is shown."""
        return rendered(self.request, template, status, visitor=self.visitor, **shown)


async def visiting(request: Request) -> Visit:
    """Returns the visit; what every route but static files depends on.

    Raises:
        PageError: nobody is signed in, or who is may not enter.
    """
    site: Site = request.app.state.site
    city: City = request.app.state.city
    who = await site.signed_in(request)
    if who is None:
        raise PageError(
            401,
            "Please sign in to Airflow",
            "These pages are for signed-in users. Sign in, then open AI Health again.",
            ("Sign in", "/"),
        )
    return Visit(request, site, city, visitor_of(who, city.policy), base_of(request))


Visiting = Annotated[Visit, Depends(visiting)]


def base_of(request: Request) -> str:
    """Returns the path under which the app is mounted, without a slash at its end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def rendered(request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """Returns a page; `base`, `here` and `airflow` are known to every template."""
    base, site = base_of(request), request.app.state.site
    here = request.url.path.removeprefix(base)
    text = (
        _templates()
        .get_template(template)
        .render(
            base=base, here=here, airflow=site.airflow, navigation=NAVIGATION, **{"visitor": None, **shown}
        )
    )
    return HTMLResponse(text, status)


@cache
def _templates() -> Environment:
    made = environment().overlay(finalize=_shown)
    made.loader = ChoiceLoader([PackageLoader("sundial.pages")])
    made.filters |= {"short": _short, "raised": raised, "coded": _coded, "week": week_name, "role": role_name}
    return made


def _short(text: object) -> str:
    """Returns a name as a table has room for it."""
    return clean(str(text), 80)


def _coded(text: object) -> Markup:
    """Returns a text whose `names` are set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(clean(str(text), LONGEST)))))  # noqa: S704 - escaped


def _shown(value: Any) -> Any:
    """Returns a text without control characters and changes of direction; what is markup already stays."""
    return clean(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value
