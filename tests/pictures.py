"""Pictures of every page for `docs/pictures`, taken in a browser from the store of a demo that has run.

make demo EXIT=1
make pictures
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from sundial.cli.connections import checkpoints_in_environment, resolve
from sundial.engine.settings import settings
from sundial.engine.today import PLAYED, today
from sundial.lake import Lake
from sundial.pages.app import create_app
from sundial.pages.site import SignedIn, Site
from sundial.register.load import load_policy, load_register
from sundial.report.missed import FOLDER
from sundial.report.publication import publish_register
from sundial.store.cases import Cases
from sundial.store.results import Results

WIDE, PHONE = (1280, 900), (390, 844)
COMPAS = "compas-broward"


def main(home: Path, out: Path) -> None:
    """Writes the pictures of a demo's home into a folder."""
    os.environ |= {
        "SUNDIAL_STORE": f"sqlite:///{home}/store.db",
        "SUNDIAL_LAKE": f"file://{home}/lake",
        "SUNDIAL_POLICY": str(home / "policy.yaml"),
        "SUNDIAL_REGISTER": str(home / "systems"),
        PLAYED: str(home / "today"),
        **checkpoints_in_environment(home),
    }
    out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright, served() as url:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, path in pages().items():
            take(browser, f"{url}{path}", out / f"{name}.png")
        for name, path in (("phone-portfolio", "/"), ("phone-case", pages()["case"])):
            take(browser, f"{url}{path}", out / f"{name}.png", size=PHONE)
        take(browser, f"{url}{pages()['case']}", out / "dark-case.png", dark=True)
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.html"
            report.write_bytes(weekly_report(Lake(f"file://{home}/lake")))
            take(browser, report.as_uri(), out / "weekly-report.png")
            published(Path(folder))
            site = Path(folder) / "public"
            (index,) = site.glob("editions/*/index.html")
            for name, page in (("public", index), ("public-system", index.parent / f"systems/{COMPAS}.html")):
                take(browser, page.as_uri(), out / f"{name}.png")
        browser.close()


def pages() -> dict[str, str]:
    """Names of pictures, with the addresses of the pages."""
    store = settings().open_store()
    results, cases = Results(store), Cases(store)
    week = results.judged(COMPAS)[-1]
    harm = next(
        found
        for found in results.findings(COMPAS, week.week)
        if found.metric == "false_positive_rate_difference" and found.slice == (("by", "race"),)
    )
    (case,) = (one.id for one in cases.episodes(COMPAS))
    return {
        "portfolio": "/",
        "system": f"/systems/{COMPAS}",
        "principle": f"/systems/{COMPAS}/equity",
        "data": f"/systems/{COMPAS}/data",
        "record": f"/systems/{COMPAS}/record",
        "finding": f"/systems/{COMPAS}/findings/{week.week:%G-W%V}/{harm.id}",
        "sunset": "/sunset/",
        "case": f"/sunset/{case}",
        "incidents": "/incidents/",
        "register": "/register/",
        "ledger": "/ledger/",
    }


def weekly_report(lake: Lake) -> bytes:
    """The page of the last weekly report."""
    return lake.get(max(path for path in lake.list(FOLDER) if path.endswith(".html")))


def published(folder: Path) -> None:
    """Publishes the register into a folder; the demo's store gets a row of it."""
    where = settings()
    policy, register = load_policy(where.policy), load_register(where.register)
    day = today(policy.timezone)
    publish_register(register, policy, where.open_store(), where.open_lake(), day, Lake(str(folder)))


@contextmanager
def served() -> Iterator[str]:
    """Serves the pages to a CDPO while the block runs, and gives their address."""

    async def signed_in(_: Request) -> SignedIn:
        return SignedIn("cdpo", lambda _system: True)

    site = Site(
        signed_in=signed_in,
        settings=settings,
        airflow="http://localhost:8080{}".format,
        dag_of="monitor__{}".format,
        question="http://localhost:8080/{}".format,
        connection=resolve,
    )
    outer = FastAPI()
    outer.mount("/ai-health", create_app(site))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(outer, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/ai-health"
        server.should_exit = True
        thread.join(10)


def take(browser: Browser, url: str, file: Path, *, size: tuple[int, int] = WIDE, dark: bool = False) -> None:
    """Takes the picture of what a screen shows and as much below it."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    answer = page.goto(url, wait_until="networkidle")
    assert answer is None or answer.ok, f"{url}: {answer.status if answer else ''}"
    tall = int(page.evaluate("document.documentElement.scrollHeight"))
    area = {"x": 0, "y": 0, "width": size[0], "height": min(2 * size[1], tall)}
    shot = page.screenshot(full_page=True, clip=area)  # type: ignore[arg-type]
    page.close()
    whole = Image.open(io.BytesIO(shot)).convert("RGB")
    whole.quantize(256, Image.Quantize.MAXCOVERAGE).save(file, optimize=True)  # a rare amber stays amber
    print(file)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
