"""What the project promises about itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sundial.engine.settings import OF_TASKS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_hashes_and_no_index_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
    assert len(packages) > 100
    assert text.count("--hash=sha256:") >= len(packages)
    assert "://" not in "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert "index-url" not in text


def test_the_development_lock_pins_what_the_runtime_lock_pins() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9][\w.-]*==[^ \\;]+", (ROOT / lock).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_make_targets_that_the_docs_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("install", "demo", "test", "test-all", "test-compose", "check", "lock", "clean"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_pages_link_only_to_files_that_exist() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_a_deployment_gives_its_tasks_the_environment_that_figures_were_measured_with() -> None:
    environment = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["x-airflow"]["environment"]
    assert OF_TASKS.items() <= environment.items()
