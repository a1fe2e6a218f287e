"""What an entry takes of a feed: the columns that have a use, and those that are there beyond."""

from __future__ import annotations

from collections.abc import Iterable

from sundial.register.events import FeedName
from sundial.register.feeds import Feed, OutputsFeed
from sundial.register.models import System


def feed_of(system: System, name: FeedName) -> Feed:
    """Returns the feed. Raises ValueError where the system has none of the name."""
    feed: Feed | None = getattr(system.feeds, name)
    if feed is None:
        raise ValueError(f"{system.id} has no feed {name}")
    return feed


def needed_columns(system: System, name: FeedName) -> list[str]:
    """Returns the feed's columns that the register entry gives a use, and no other; the key first."""
    feed = feed_of(system, name)
    used: list[str | None]
    if isinstance(feed, OutputsFeed):
        used = [*feed.own_columns, *system.categories, *feed.texts.values()]
    else:
        used = [feed.keyed_by, feed.dated_by, *feed.kept]
    used += [str(rule.args["column"]) for rule in feed.contract]
    return list(dict.fromkeys(column for column in used if column is not None))


def fields_beyond(system: System, name: FeedName, offered: Iterable[str]) -> list[str]:
    """Returns the columns that a source offers, and the entry neither uses nor allows; sorted."""
    known = {*needed_columns(system, name), *feed_of(system, name).also_present}
    return sorted({*offered} - known)
