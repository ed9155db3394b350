"""The manual's worked examples, followed as they stand, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MainJob

ROOT = Path(__file__).parents[1]


def block(page: str, language: str, number: int = 0) -> str:
    """A block of code of a page of the manual."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)[number]


@pytest.fixture(scope="module")
def clone(main_job: MainJob, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a person has after a clone and `make run`, as far as the examples need it."""
    folder = tmp_path_factory.mktemp("clone")
    main_job.copied_to(folder / "data")
    for name in ("assets", "pipelines", "warehouse"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests/conftest.py", "tests/__init__.py", "pyproject.toml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tests" / "replay", folder / "tests" / "replay")
    sources = folder / "tests" / "assets" / "sources"
    sources.mkdir(parents=True)
    for name in ("tests/assets/__init__.py", "tests/assets/sources/__init__.py", "tests/assets/sources/reading.py"):
        shutil.copy(ROOT / name, folder / name)
    # The two examples.
    (folder / "assets" / "sources" / "acme.py").write_text(block("add-a-source.md", "python"), encoding="utf-8")
    (sources / "test_acme.py").write_text(block("add-a-source.md", "python", 1), encoding="utf-8")
    (folder / "acme.json").write_text(block("add-a-source.md", "json"), encoding="utf-8")
    (folder / "mine.toml").write_text(block("add-a-scenario.md", "toml"), encoding="utf-8")
    shutil.copy(folder / "mine.toml", folder / "assets" / "estimated" / "scenarios" / "mine.toml")
    for number, name in enumerate(("usage.csv", "jobs.csv", "tokens.csv")):
        (folder / name).write_text(block("own-use.md", "csv", number), encoding="utf-8")
    return folder


def ran(folder: Path, *command: str) -> str:
    """Run a command there; what it printed."""
    environment = os.environ | {"PYTHONPATH": str(folder), "PETADAY_HOME": str(folder / "data"), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def petaday(folder: Path, line: str) -> str:
    """Run a line of the manual that begins with `$ petaday`."""
    import shlex

    return ran(folder, "-m", "pipelines.cli", *shlex.split(line.removeprefix("$ petaday ")))


def lines(page: str) -> list[str]:
    """Commands of a page, in order."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^\$ petaday .*$", text, re.M)


def test_a_source_is_added_by_following_the_page(clone: Path) -> None:
    load, rows, refused = lines("add-a-source.md")
    assert "acme.json" in petaday(clone, load)
    shown = petaday(clone, rows)
    assert "a1" in shown
    assert "nvidia-h100-sxm-80gb" in shown
    assert "2.99" in shown  # 23.92 USD for 8
    assert "no price above zero" in petaday(clone, refused)
    assert "1 passed" in ran(clone, "-m", "pytest", "-q", "tests/assets/sources/test_acme.py")


def test_a_scenario_is_added_by_following_the_page(clone: Path) -> None:
    estimate, as_json, run, quantities, factors, explain = lines("add-a-scenario.md")
    petaday(clone, run)
    shown = petaday(clone, estimate)
    assert "cost_usd" in shown
    assert "Unknown" not in shown.replace("Unknown:\n  water_l", "")
    assert "utilization_share = 0.38 [0.3 to 0.45]" in shown
    assert '"operational_kgco2e"' in petaday(clone, as_json)
    assert "cost_usd" in petaday(clone, quantities)
    assert "method_default" in petaday(clone, factors)
    assert "bytes match" in petaday(clone, explain)


def test_ones_own_use_is_priced_by_following_the_page(clone: Path) -> None:
    load, by_month, why, where, jobs, requests = lines("own-use.md")
    assert "usage.csv │ loaded  │ 3" in petaday(clone, load)
    for command, answer in ((by_month, block("own-use.md", "text", 0)), (why, block("own-use.md", "text", 1))):
        shown = petaday(clone, command)
        assert all(line in shown for line in answer.splitlines()), shown
    assert "5 rows" in petaday(clone, where)
    shown = petaday(clone, jobs)
    assert re.search(r"pretraining ┆ 504.0 ┆ \d+\.0 +┆ \d+\.0 +┆ \d+\.0 +┆ null", shown), shown
    assert re.search(r"tuning +┆ 48.0 +┆ \d+\.0 +┆ \d+\.0 +┆ \d+\.0 +┆ carbon of the latest", shown), shown
    shown = petaday(clone, requests)
    assert re.search(r"2024-09 ┆ gpt-4o ┆ 72.0 .*2025-06 ┆ gpt-4o ┆ 38.0", shown, re.DOTALL), shown


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> list[str]:
    """Every `petaday …` of a page's blocks and of its running text."""
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M))
    inline = re.findall(r"`(petaday [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))
    typed = re.findall(r"^(?:\$ |.*\.venv/bin/)?(petaday (?:\"[^\"]*\"|[^\n\"#&|>])+)", blocks, re.M)
    return [c.split("  #")[0].strip() for c in (*typed, *inline)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_of_the_manual_exist_with_their_options(page: Path) -> None:
    import shlex

    import click

    from pipelines.cli import main

    for command in commands(page.read_text(encoding="utf-8")):
        words = shlex.split(command, comments=True)[1:]
        node: click.Command = main
        while isinstance(node, click.Group) and words and not words[0].startswith("-"):
            found = node.get_command(click.Context(node), words[0])
            assert found is not None, f"{page.name}: `{command}`: no command {words[0]}"
            node, words = found, words[1:]
        try:
            node.make_context("petaday", words, resilient_parsing=True)
        except click.UsageError as e:
            pytest.fail(f"{page.name}: `{command}`: {e.message}")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_of_the_manual_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize(
    ("words", "file", "column"),
    [
        (r"cloud rates of (\d+) providers", "cloud_rate", "provider"),
        (r"grid intensity of (\d+) zones", "grid_carbon", "zone"),
        (r"token prices of (\d+) vendors", "token_price", "vendor"),
        (r"exchange rates of (\d+) currencies", "exchange_rate", "currency_code"),
    ],
)
def test_what_the_readme_counts_is_there(words: str, file: str, column: str) -> None:
    import polars as pl

    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    told = re.search(words, text)
    assert told, words
    frame = pl.read_csv(ROOT / "assets" / "starter" / f"{file}.csv", infer_schema=False)
    assert frame[column].n_unique() == int(told[1])
