"""Where things lie, from the environment: store, lake, register, policy."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sundial.lake import Lake
from sundial.store.database import Database

INCLUDE = Path(__file__).resolve().parents[2]
"""The folder with `systems/` and `policy.yaml` in a checkout; a deployment names its own by environment."""


OF_TASKS = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
"""Environment of what runs tasks: else Arrow and each of its threads keep memory that they are done with."""


@dataclass(frozen=True)
class Settings:
    """Where things lie.

    Attributes:
        store: SQLAlchemy URL of the results (SUNDIAL_STORE).
        lake: fsspec URL of the lake (SUNDIAL_LAKE).
        register: folder of register files (SUNDIAL_REGISTER).
        policy: file of the policy (SUNDIAL_POLICY).
        home: folder of what has no place of its own (SUNDIAL_HOME).
    """

    store: str
    lake: str
    register: Path
    policy: Path
    home: Path

    def open_store(self) -> Database:
        """Returns the store; nothing is connected yet."""
        return Database(self.store)

    def open_lake(self) -> Lake:
        """Returns the lake; nothing is created yet."""
        return Lake(self.lake)


def settings() -> Settings:
    """Returns the settings in force; by default everything lies in `~/.sundial` and the checkout."""
    home = Path(os.environ.get("SUNDIAL_HOME", "~/.sundial")).expanduser()
    return Settings(
        store=os.environ.get("SUNDIAL_STORE", f"sqlite:///{home}/store.db"),
        lake=os.environ.get("SUNDIAL_LAKE", f"file://{home}/lake"),
        register=Path(os.environ.get("SUNDIAL_REGISTER", INCLUDE / "systems")),
        policy=Path(os.environ.get("SUNDIAL_POLICY", INCLUDE / "policy.yaml")),
        home=home,
    )
