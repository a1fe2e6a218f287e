"""An environment of its own for each peer, with the packages that its requirements file pins."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).with_name("peers")


def python_of(requirements: Path, cache: Path) -> Path:
    """Returns the interpreter for a peer's requirements; makes its environment where there is none, whole."""
    made_of = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    home = cache / "environments" / f"{requirements.stem}-{made_of}"
    python, done = home / "bin" / "python", home / "done"
    if not done.exists():
        _uv("venv", "--clear", "--python", sys.executable, str(home))
        # Compiled now: else the first measured run would pay for it.
        _uv("pip", "install", "--compile-bytecode", "--python", str(python), "-r", str(requirements))
        done.touch()
    return python


def _uv(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", "--quiet", *words], check=True)
