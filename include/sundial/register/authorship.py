"""Who wrote a register file and when, where its folder is in a git work tree."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class Author:
    """The author of a file's last commit, the day and the commit."""

    name: str
    on: date
    commit: str


def author_of(path: Path) -> Author | None:
    """Returns who wrote the file as it is; None outside of git, and where it differs from its commit."""
    if _git(path, "status", "--porcelain") != "":
        return None
    found = (_git(path, "log", "-1", "--format=%H%x00%an%x00%as") or "").strip()
    if not found:
        return None
    commit, name, on = found.split("\0")
    return Author(name, date.fromisoformat(on), commit)


def _git(path: Path, *arguments: str) -> str | None:
    """Returns what git says of a file; None where it says nothing, or is not there."""
    command = ["git", "-C", str(path.resolve().parent), *arguments, "--", path.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
