"""Compares what finds patterns of personal data: `python -m benchmarks.pii`.

Each finder gets the corpus of the tests, sentences with numbers that are nobody's, and long texts, in a
process of its own; peers in an environment with the version that `peers/` pins.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE.parents[1] / "tests" / "sources" / "pii_corpus.csv"
TEXTS = 5_000
PEERS = ("presidio", "datafog_core", "scrubadub")


def main() -> None:
    """Prints a line for each finder, and the shares of look-alike numbers that it takes for personal data."""
    for name in ("sundial", *PEERS):
        peer = ["-m", "uv", "run", "--quiet", "--no-project", "--with-requirements"]
        before = [*peer, str(HERE / "peers" / f"{name}.txt"), "python"] if name in PEERS else []
        command = [sys.executable, *before, str(HERE / "finders.py"), name, str(CORPUS), str(TEXTS)]
        ran = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        told = json.loads(ran.stdout.splitlines()[-1])
        print(
            f"{name}: {told['found']} of {told['there']} found, {told['look_alikes_hit']} of "
            f"{told['look_alikes']} look-alikes hit, {told['cpu_s_per_100k']:.1f} CPU s for 100,000 texts, "
            f"{told['imports_cpu_s']:.1f} CPU s to import, {told['rss_mb']:.0f} MB"
        )
        print("   ", ", ".join(f"{what} {share:.0%}" for what, share in told["numbers_hit"].items()))


if __name__ == "__main__":
    main()
