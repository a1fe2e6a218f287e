"""Register, policy, store and lake, kept between requests; a changed file is read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Lock
from zoneinfo import ZoneInfo

from sundial.engine.clock import last_complete_week
from sundial.engine.settings import Settings
from sundial.engine.today import today
from sundial.lake import Lake
from sundial.pages.site import PageError
from sundial.register.load import load_policy, load_system
from sundial.register.models import Policy, System
from sundial.register.problems import RegisterError
from sundial.store.database import Database

_A_DAY_TO_RUN = timedelta(days=2)

Stamp = tuple[int, int]


class City:
    """What the pages show, as it is now."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[Path, tuple[Stamp, System | None]] = {}
        self._policy: tuple[Stamp, Policy] | None = None
        self._lock = Lock()

    @cached_property
    def store(self) -> Database:
        """The store; each read opens it anew."""
        return self._settings.open_store()

    @cached_property
    def lake(self) -> Lake:
        """The lake."""
        return self._settings.open_lake()

    @property
    def policy(self) -> Policy:
        """The policy in force. Raises PageError where its file cannot be used."""
        path = self._settings.policy
        try:
            stamp = _stamp(path)
            if self._policy is None or self._policy[0] != stamp:
                self._policy = stamp, load_policy(path)
        except (OSError, RegisterError) as error:
            raise PageError(
                500, "The policy cannot be read", f"Mend {path.name}; `sundial validate` says what is wrong."
            ) from error
        return self._policy[1]

    @property
    def systems(self) -> Mapping[str, System]:
        """The register's systems by id; a file that cannot be used is left out, as everywhere."""
        with self._lock:
            found = {path: _stamp(path) for path in sorted(self._settings.register.glob("*.yaml"))}
            for path, stamp in found.items():
                if path not in self._known or self._known[path][0] != stamp:
                    self._known[path] = stamp, _system(path)
            entries = [self._known[path][1] for path in found]
        return {system.id: system for system in entries if system is not None}

    @property
    def today(self) -> date:
        """The day in the City's zone."""
        return today(self.policy.timezone)

    @property
    def now(self) -> datetime:
        """The time in the City's zone, on the day that it is."""
        zone = ZoneInfo(self.policy.timezone)
        return datetime.combine(self.today, datetime.now(zone).time(), zone)

    @property
    def week(self) -> date:
        """Monday of the week that is due: the last complete one, after a day in which it could be judged."""
        return last_complete_week(self.today - _A_DAY_TO_RUN)


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _system(path: Path) -> System | None:
    try:
        return load_system(path)
    except RegisterError:
        return None
