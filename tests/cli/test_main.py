"""The command as a process of its own: it says everything and ends with its code, though it ends at once."""

from __future__ import annotations

import re
import subprocess
import sys

COMMAND = (sys.executable, "-m", "sundial.cli.main")


def test_all_of_a_long_output_is_there_when_it_ends() -> None:
    ended = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=False)
    assert ended.stdout.rstrip().endswith("╯")
    assert ended.stderr == ""
    assert ended.returncode == 0


def test_its_help_begins_with_what_a_newcomer_needs() -> None:
    told = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=False).stdout
    panels = re.findall(r"^╭─ (.+?) ─+╮$", told, re.MULTILINE)
    assert panels == ["Options", "Begin", "Look", "Record beside the YAML", "Keep and publish"]


def test_a_wrong_command_ends_with_the_code_for_it() -> None:
    ended = subprocess.run([*COMMAND, "no-such"], capture_output=True, text=True, check=False)
    assert "No such command 'no-such'" in ended.stderr
    assert ended.returncode == 2


def test_a_reader_that_leaves_gets_no_traceback() -> None:
    with subprocess.Popen(
        [*COMMAND, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        asked.stdout.close()
        assert "Traceback" not in asked.stderr.read()
