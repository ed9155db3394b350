"""What publishers wrote, seen in the real Dagster UI in a real browser: it is shown as text, and nothing of it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets import recording
from deploy.servers import free_port
from tests.warehouse.taking import HEADER, take
from warehouse.home import HOME_VARIABLE, Home

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
ROOT = Path(__file__).parents[2]

#: What makes itself known if a page takes it for markup: an element with a handler, a script, a link, Markdown that is one of these.
IMAGE = "<img src=x onerror=window.hacked=1>"
SCRIPT = "<script>window.hacked=2</script>"
MARKDOWN = "[gpu](javascript:window.hacked=3) ![g](http://127.0.0.1:9/pixel.png)"
HOSTILE = (IMAGE, SCRIPT, MARKDOWN)


def catalog(rows: dict[str, tuple[str, float]]) -> str:
    """A price list: instance type -> (region, price of one H100)."""
    return HEADER + "".join(
        f'"{name}",H100 SXM,1,8,64,{price},"{region}",,\n' for name, (region, price) in rows.items()
    )


@dataclass
class Ui:
    """The address of a webserver, and the runs that stand in its home."""

    address: str
    refused_run: str
    recorded_run: str


def run(instance: dg.DagsterInstance, job: str, ops: dict[str, Any], keys: list[list[str]] | None = None) -> str:
    from pipelines.definitions import defs

    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return (
        defs.resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            run_config={"ops": ops, **quiet},
            asset_selection=[dg.AssetKey(k) for k in keys] if keys else None,
            raise_on_error=False,
        )
        .run_id
    )


@pytest.fixture(scope="module")
def ui(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The UI of a warehouse whose publishers wrote markup in names of instances, regions and files, and in a file of another layout."""
    from pipelines.instance import instance

    home = Home(tmp_path_factory.mktemp("ui") / "home").create()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv(HOME_VARIABLE, str(home.root))
        patch.setenv("DAGSTER_HOME", str(home.dagster_dir))
        recording.refresh_reference(home)
        for cloud, price in (("lambda", 3.0), ("runpod", 2.5), ("fluidstack", 3.5)):
            take(home, catalog({f"h100-{n}": ("r1", price) for n in range(4)}), "2026-01-01", f"{cloud}_vms.csv")
        # Far below the market: the check names each of them, with its region.
        cheap = {f"{text} type": (text, 0.11 + number / 100) for number, text in enumerate(HOSTILE)}
        take(home, catalog(cheap), "2026-01-01", "cudo_vms.csv")
        drifted = tmp_path_factory.mktemp("drifted") / f"{IMAGE}.csv"
        drifted.write_text(",".join(HOSTILE) + "\n1,2,3\n")
        with instance(home) as of:
            refused = run(of, "refresh_skypilot", {"sources__skypilot": {"config": {"files": [str(drifted)]}}})
            recorded = run(of, "settle", {}, [["observed", "cloud_rate"]])
        port = free_port()
        command = [str(Path(sys.executable).with_name("dagster-webserver")), "-m", "pipelines.definitions"]
        with subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port), "--log-level", "critical"],
            cwd=ROOT,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                yield Ui(until_up(process, f"http://127.0.0.1:{port}"), refused, recorded)
            finally:
                # With its code server: neither has anything to save.
                os.killpg(process.pid, signal.SIGKILL)


def until_up(process: subprocess.Popen[bytes], address: str) -> str:
    end = time.monotonic() + 180
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5):
                return address
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the UI did not come up")


#: Elements that hold what a publisher wrote as markup.
MADE_OF_TEXT = """() => [...document.querySelectorAll("*")].filter(e =>
    [...e.attributes].some(a => /^on/.test(a.name) || /^\\s*javascript:/i.test(a.value) || a.value.includes("pixel.png"))
    || (e.tagName === "SCRIPT" && e.textContent.includes("window.hacked"))).map(e => e.outerHTML.slice(0, 200))"""


def looked_at(browser: Any, ui: Ui, path: str, marker: str, *, has_text: bool = True, click: str = "") -> None:
    """Open a page, wait until it shows `marker`, and look for anything of the hostile text that is more than text."""
    context = browser.new_context(viewport={"width": 1400, "height": 3000})
    page, wrong = context.new_page(), []
    page.on("dialog", lambda dialog: (wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((ui.address, "data:", "blob:")) else wrong.append(r.url))
    page.set_default_timeout(45_000)
    page.goto(ui.address + path)
    page.get_by_text(marker).first.wait_for()
    if click:
        page.get_by_text(click).last.click()
        page.get_by_role("dialog").get_by_text(marker).first.wait_for()
    shown = page.evaluate("document.body.innerText")
    if has_text:
        assert [text for text in HOSTILE if text not in " ".join(shown.split())] == []
    else:
        assert "window.hacked" not in shown
    assert page.evaluate("window.hacked === undefined"), "a script of a publisher ran"
    assert page.evaluate(MADE_OF_TEXT) == []
    assert wrong == []
    context.close()


def test_a_check_that_names_hostile_offers_shows_them_as_text(browser: Any, ui: Ui) -> None:
    looked_at(browser, ui, "/assets/observed/cloud_rate?view=checks&checkDetail=rates_agree", IMAGE)


def test_the_run_that_recorded_them_shows_them_as_text(browser: Any, ui: Ui) -> None:
    looked_at(browser, ui, f"/runs/{ui.recorded_run}", IMAGE)


@pytest.mark.parametrize("click", ["", "View full message"], ids=["listed", "whole"])
def test_a_failed_run_shows_what_was_refused_as_text(browser: Any, ui: Ui, click: str) -> None:
    looked_at(browser, ui, f"/runs/{ui.refused_run}", IMAGE, click=click)


@pytest.mark.parametrize("view", ["events", "overview"])
def test_materialisations_name_captures_and_no_text_of_publishers(browser: Any, ui: Ui, view: str) -> None:
    looked_at(browser, ui, f"/assets/observed/cloud_rate?view={view}", "columns_come_from", has_text=False)


def test_markup_in_a_page_would_be_noticed(browser: Any, ui: Ui) -> None:
    """The search for it finds each of the texts where a page takes it for markup."""
    page = browser.new_page()
    page.goto(f"{ui.address}/server_info")
    page.evaluate(
        "document.body.innerHTML = `<img src=x onerror=window.hacked=1><a href='javascript:window.hacked=3'>gpu</a>"
        "<img src='http://127.0.0.1:9/pixel.png'>`; const s = document.createElement('script'); "
        "s.textContent = 'window.hacked=2'; document.body.append(s)"
    )
    assert len(page.evaluate(MADE_OF_TEXT)) == 4
    page.close()
