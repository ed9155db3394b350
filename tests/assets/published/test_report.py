"""The report on the bundled warehouse, in headless Chromium."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse.connection import read_published
from warehouse.errors import NotPublishedError
from warehouse.home import Home

pytest.importorskip("vl_convert", reason="vl-convert-python is not installed: no chart can be drawn")

from assets.published.report import build, built, drawing, shown
from assets.published.report.data import Facts
from assets.published.report.pages.common import stamp
from assets.published.report.pages.today import today
from assets.published.report.site import PAGES
from assets.published.report.texts import LANGUAGES, dictionary, told

MAX_BYTES = 3_000_000
HOSTILE = '<script>window.hacked=1</script>"><img src=x onerror=window.hacked=2>'


@pytest.fixture(scope="module")
def site(bundled_home: Home) -> Path:
    """The folder of the report."""
    return build(bundled_home).path.parent


@pytest.fixture(scope="module")
def hostile_site(bundled_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a warehouse whose publishers wrote markup where names belong."""
    home = Home(tmp_path_factory.mktemp("hostile")).create()
    shutil.copyfile(bundled_home.published_file, home.published_file)
    with duckdb.connect(str(home.published_file)) as con:
        for statement in (
            "UPDATE reference.accelerator SET accelerator_id = ?, name = ? WHERE accelerator_id = 'nvidia-h100-sxm-80gb'",
            "UPDATE observed.accelerator_match SET accelerator_id = ?, rule = ? WHERE accelerator_id = 'nvidia-h100-sxm-80gb'",
            "UPDATE observed.token_price_log SET model = ?, vendor = ? WHERE model = 'mistral-large-latest'",
            "UPDATE meta.source SET title = ?, homepage_url = 'javascript:' || ? WHERE source_id = 'litellm'",
            "UPDATE reference.region SET place = ?, region = ? WHERE provider = 'aws' AND region = 'us-east-1'",
        ):
            con.execute(statement, [HOSTILE, HOSTILE]).fetchall()
        # A month of hours, as no bundled source has them, from a yearly row that there is.
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT g.* REPLACE (? AS zone, 'PT1H' AS resolution, "
            "TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL 1 HOUR AS valid_from, 100.0 + i % 24 AS intensity_gco2e_per_kwh) "
            "FROM (FROM observed.grid_carbon_log WHERE basis_boundary = 'lifecycle' AND zone = 'DE' LIMIT 1) g, range(720) r(i)",
            [HOSTILE],
        ).fetchall()
    return build(home).path.parent


def opened(browser: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    """A page, and everything that went wrong in it: console messages, errors, requests that are not of this page."""
    page = browser.new_context(**options).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else said.append(f"request to {request.url}")
        ),
    )
    page.goto(address)
    return page, said


@pytest.mark.parametrize("name", PAGES.values())
def test_pages_are_small_and_need_no_other_host(site: Path, name: str) -> None:
    text = (site / name).read_text(encoding="utf-8")
    assert len(text.encode()) < MAX_BYTES
    assert not any(
        f"{start}{host}" in text
        for start in ('src="', '<link rel="stylesheet" href="', "url(")
        for host in ("http:", "https:", "//")
    )


@pytest.mark.parametrize("name", PAGES.values())
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_pages_load_without_a_word_in_the_console(browser: Any, site: Path, name: str, size: tuple[int, int]) -> None:
    page, said = opened(browser, (site / name).as_uri(), viewport={"width": size[0], "height": size[1]})
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself scrolls sideways"
    assert page.locator("h1").count() == 1
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size === document.querySelectorAll('[id]').length"
    )
    page.context.close()


@pytest.mark.parametrize(
    ("name", "scheme"), [*((n, "light") for n in PAGES.values()), ("index.html", "dark"), ("scenarios.html", "dark")]
)
def test_axe_finds_no_violation(browser: Any, site: Path, name: str, scheme: str) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed: rules are not run"
    )
    # The page forbids foreign scripts, which axe is one of; everything folded is opened, so that it is looked at too.
    page, _ = opened(
        browser, (site / name).as_uri() + "?lang=zh" * (scheme == "dark"), bypass_csp=True, color_scheme=scheme
    )
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 20, "axe looked at next to nothing"
    assert [(v["id"], v["impact"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found["violations"]] == []
    page.context.close()


@pytest.mark.parametrize("name", [n for k, n in PAGES.items() if k != "method"])
def test_charts_have_marks_with_values(browser: Any, site: Path, name: str) -> None:
    page, _ = opened(browser, (site / name).as_uri())
    counts = page.eval_on_selector_all(
        ".chart svg", "all => all.map(s => s.querySelectorAll('[role=graphics-symbol][aria-label]').length)"
    )
    assert counts
    assert all(count > 0 for count in counts), counts
    assert page.eval_on_selector_all(".chart svg", "all => all.every(s => s.getBoundingClientRect().width > 200)")
    page.context.close()


def test_language_by_address_and_by_button(browser: Any, site: Path) -> None:
    page, said = opened(browser, (site / "petaday.html").as_uri() + "?lang=zh")
    chinese = dictionary()["title.petaday"]["zh"]
    assert page.locator("h1").inner_text() == chinese
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert page.locator(".chart text", has_text=dictionary()["chart.1"]["zh"]).count() > 0
    assert page.locator("nav a").first.get_attribute("href") == "index.html?lang=zh"
    page.locator("button[data-lang=en]").click()
    assert page.locator("h1").inner_text() == dictionary()["title.petaday"]["en"]
    page.locator("button[data-lang=zh]").click()
    assert page.locator("h1").inner_text() == chinese
    assert said == []
    page.context.close()


def test_filter_and_sort(browser: Any, site: Path) -> None:
    page, _ = opened(browser, (site / "tokens.html").as_uri())
    page.locator("#tokens-filter").fill("mistral")
    visible = page.eval_on_selector_all(
        "#tokens tbody tr", "all => all.filter(r => !r.hidden).map(r => r.textContent.toLowerCase())"
    )
    assert visible
    assert all("mistral" in row for row in visible)
    page.locator("#tokens-filter").fill("")
    page.locator("#tokens thead button").nth(5).click()
    prices = page.eval_on_selector_all(
        "#tokens tbody tr",
        "all => all.map(r => parseFloat(r.cells[5].textContent.replace(/,/g, ''))).filter(v => !isNaN(v))",
    )
    assert prices == sorted(prices)
    page.context.close()


def test_keyboard_reaches_the_content_first(browser: Any, site: Path) -> None:
    page, _ = opened(browser, (site / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.context.close()


def test_print_cuts_nothing_off(browser: Any, site: Path) -> None:
    page, _ = opened(browser, (site / "index.html").as_uri(), viewport={"width": 794, "height": 1123})
    page.emulate_media(media="print")
    for name in PAGES.values():
        page.goto((site / name).as_uri())
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        wide = page.eval_on_selector_all(
            "table", "all => all.filter(t => t.scrollWidth > t.closest('.scroll').clientWidth + 1).map(t => t.id)"
        )
        assert wide == [], (name, wide)
        assert page.locator("nav").is_hidden()
    page.context.close()


def test_dark_is_dark(browser: Any, site: Path) -> None:
    page, _ = opened(browser, (site / "index.html").as_uri(), color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    page.context.close()


@pytest.mark.parametrize("name", PAGES.values())
def test_hostile_names_are_inert(browser: Any, hostile_site: Path, name: str) -> None:
    text = (hostile_site / name).read_text(encoding="utf-8")
    assert "<script>window.hacked" not in text
    assert "<img" not in text
    assert 'href="javascript:' not in text
    page, said = opened(browser, (hostile_site / name).as_uri() + "?lang=zh")
    assert page.evaluate("window.hacked === undefined")
    assert said == []
    page.context.close()


def test_the_hostile_name_is_shown_as_text(browser: Any, hostile_site: Path) -> None:
    page, _ = opened(browser, (hostile_site / "index.html").as_uri())
    assert page.locator("#cheapest tbody th", has_text="<script>window.hacked").count() > 0
    assert page.locator(".chart [role=graphics-symbol][aria-label^='<script>']").count() > 0
    page.context.close()


def test_hours_of_the_day_are_drawn_with_their_zone(browser: Any, hostile_site: Path) -> None:
    page, _ = opened(browser, (hostile_site / "regions.html").as_uri())
    marks = page.locator("section[aria-labelledby=hours-h] .chart [role=graphics-symbol][aria-label*=':00 UTC']")
    assert marks.count() == 24
    row = page.locator("#hours tbody tr").first
    assert row.locator("th").inner_text() == HOSTILE
    assert row.locator("td").nth(1).inner_text() == "00, 01, 02, 03"
    page.context.close()


def test_hours_of_the_day_take_what_was_measured_before_what_was_estimated(bundled_home: Home, tmp_path: Path) -> None:
    """400 g were estimated for every hour of ten days and 100 g measured for all but the last: the last day stands as estimated."""
    file = tmp_path / "published.duckdb"
    shutil.copyfile(bundled_home.published_file, file)
    with duckdb.connect(str(file)) as con:
        con.execute("SET TimeZone = 'UTC'").fetchall()
        for kind, days, grams in (("estimated", 10, 400.0), ("actual", 9, 100.0)):
            con.execute(
                "INSERT INTO observed.grid_carbon_log BY NAME SELECT g.* REPLACE ('DE' AS zone, 'PT1H' AS resolution, ? AS basis_kind, "
                "TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL 1 HOUR AS valid_from, ?::DOUBLE AS intensity_gco2e_per_kwh) "
                "FROM (FROM observed.grid_carbon_log WHERE basis_boundary = 'lifecycle' AND zone = 'DE' LIMIT 1) g, range(24 * ?) r(i)",
                [kind, grams, days],
            ).fetchall()
        rows = Facts.of(con).rows("grid_hour")
    assert len(rows) == 24
    assert [row["central"] for row in rows] == pytest.approx([(9 * 100 + 400) / 10] * 24)
    assert {row["last_on"] for row in rows} == {dt.date(2024, 1, 10)}


def test_hours_of_a_few_days_are_no_hours_of_the_day(bundled_home: Home, tmp_path: Path) -> None:
    """Six days, or a week without one of its hours, say nothing of another day; seven whole days do."""
    file = tmp_path / "published.duckdb"
    shutil.copyfile(bundled_home.published_file, file)
    with duckdb.connect(str(file)) as con:
        con.execute("SET TimeZone = 'UTC'").fetchall()
        for zone, hours in (
            ("DE", "range(6 * 24)"),
            ("FR", "range(9 * 24) WHERE range % 24 <> 5"),
            ("GB", "range(7 * 24)"),
        ):
            con.execute(
                "INSERT INTO observed.grid_carbon_log BY NAME SELECT g.* REPLACE (? AS zone, 'PT1H' AS resolution, "
                "TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL 1 HOUR AS valid_from, 100.0 AS intensity_gco2e_per_kwh) "
                f"FROM (FROM observed.grid_carbon_log WHERE basis_boundary = 'lifecycle' AND zone = 'DE' LIMIT 1) g, (SELECT range AS i FROM {hours})",
                [zone],
            ).fetchall()
        rows = Facts.of(con).rows("grid_hour")
    assert [(row["zone"], row["hour_of_day"]) for row in rows] == [("GB", hour) for hour in range(24)]


def test_the_yearly_grid_is_of_the_best_ranked_source(bundled_home: Home, tmp_path: Path) -> None:
    """Of two values of a year the one of its publisher, though the bundled one was recorded later; region_carbon says the same."""
    file = tmp_path / "published.duckdb"
    shutil.copyfile(bundled_home.published_file, file)
    with duckdb.connect(str(file)) as con:
        con.execute(
            "INSERT INTO observed.grid_carbon_log BY NAME SELECT g.* REPLACE ('ember' AS source_id, 311.0 AS intensity_gco2e_per_kwh, g.observed_at - INTERVAL 1 DAY AS observed_at) "
            "FROM (FROM observed.grid_carbon_log WHERE basis_boundary = 'lifecycle' AND zone = 'DE' AND resolution = 'P1Y' ORDER BY valid_from DESC LIMIT 1) g"
        ).fetchall()
        facts = Facts.of(con)
        found = facts.answer("SELECT source_id, intensity_gco2e_per_kwh FROM grid_now WHERE zone = 'DE'")
        of_region = facts.answer(
            "SELECT source_id, intensity_gco2e_per_kwh FROM region_carbon('aws', 'eu-central-1', valid_at := getvariable('report_at'), boundary := 'lifecycle')"
        )
    assert found == of_region == [{"source_id": "ember", "intensity_gco2e_per_kwh": 311.0}]


@pytest.mark.parametrize(
    ("query", "table"),
    [
        ("article_break_even", "build_adapt_buy"),
        ("article_east_west", "east_west"),
        ("article_esg", "esg_report"),
        ("article_growth", "compute_growth"),
        ("article_history", "petaday_history"),
        ("scenario", "training_estimate"),
        ("self_host", "scenario_estimate"),
    ],
)
def test_figures_are_of_the_newest_method(bundled_home: Home, tmp_path: Path, query: str, table: str) -> None:
    """A home that was computed by an earlier version keeps its rows: the break-evens of each month stood twice."""
    file = tmp_path / "published.duckdb"
    shutil.copyfile(bundled_home.published_file, file)
    with duckdb.connect(str(file)) as con:
        now = Facts.of(con).rows(query)
        con.execute(
            f"INSERT INTO estimated.{table} BY NAME "
            f"SELECT * REPLACE (regexp_replace(method_version, '[0-9]+$', '0') AS method_version) FROM estimated.{table}"
        ).fetchall()
        assert Facts.of(con).rows(query) == now
    assert now


def test_the_hubs_stand_with_their_bands(site: Path) -> None:
    """The press says 0.6 to 0.9 CNY/kWh of Shaoguan, and the mix of two provinces moves apart."""
    from lxml import html

    root = html.parse(str(site / "scenarios.html")).getroot()
    rows = root.xpath("//table[.//text()[contains(., 'Horinger')]]/tbody/tr[contains(., 'Horinger')]")
    assert rows
    for row in rows:
        assert len(row.xpath(".//span[@class='band']")) == 3, "net saving, carbon and its change"
    (home, *_) = root.xpath("//table/tbody/tr[contains(., 'Shaoguan')]")
    assert len(home.xpath(".//span[@class='band']")) == 2, "electricity and carbon"


def test_the_figures_at_the_head_are_those_of_the_pages(site: Path, bundled_home: Home) -> None:
    """An hour, a petaday, its carbon and a training, each with its band, its dates and where it comes from."""
    from lxml import html

    page, petadays = (html.parse(str(site / name)).getroot() for name in ("index.html", "petaday.html"))
    tiles = page.xpath("//ul[@class='headlines']/li")
    values = [tile.xpath("string(p[@class='value']/b)") for tile in tiles]
    row = "//tr[th/@title='nvidia-h100-sxm-80gb']"
    with read_published(bundled_home) as con:
        training = con.sql(
            "SELECT central FROM estimated.training_estimate WHERE scenario_id = 'gpt-3-175b-h100' AND quantity = 'cost_usd'"
        ).fetchall()[0][0]
    assert values == [
        page.xpath(f"string(//table[@id='hours']{row}/td[1])"),
        petadays.xpath(f"string(({row})[1]/td[2]/b)"),
        petadays.xpath(f"string(({row})[1]/td[4]/b)"),
        shown.number(training),
    ]
    for tile in tiles:
        text = tile.xpath("string()")
        assert "H100 SXM5 80GB" in text
        assert "p5 to p95: " in text
        assert "Date: 20" in text
        assert tile.xpath(".//span[@class='tag bundled']")


def test_a_figure_is_bundled_or_live_as_its_captures_are(bundled_home: Home, tmp_path: Path) -> None:
    """A price says nothing of the grid, and what comes from both kinds is neither."""
    file = tmp_path / "published.duckdb"
    shutil.copyfile(bundled_home.published_file, file)
    with duckdb.connect(str(file)) as con:
        con.execute("UPDATE meta.source SET is_bundled = false WHERE source_id = 'starter_grid_carbon'").fetchall()
        of_source = dict(con.execute("SELECT source_id, any_value(capture_id) FROM meta.capture GROUP BY 1").fetchall())
        facts = Facts.of(con)
        both = [of_source["starter_cloud_rate"], of_source["starter_grid_carbon"]]
        assert stamp(facts, [{"capture_ids": both, "is_bundled": False}], "")["is_bundled"] is None
        said = {h["what"].removeprefix("headline."): h["stamp"]["is_bundled"] for h in today(facts)["headlines"]}
    assert said == {"hour": True, "petaday": True, "carbon": False, "training": True}


def test_a_place_stands_once_among_the_cheapest(site: Path) -> None:
    from lxml import html

    rows = html.parse(str(site / "index.html")).getroot().xpath("//table[@id='cheapest']/tbody/tr")
    places = [(row.xpath("string(th/@title)"), *(row.xpath(f"string(td[{n}])") for n in (1, 3, 4))) for row in rows]
    assert len(places) > 20
    assert len(places) == len(set(places))


def test_the_greenest_offers_have_a_grid_and_stand_in_order(site: Path) -> None:
    from lxml import html

    rows = html.parse(str(site / "index.html")).getroot().xpath("//table[@id='greenest']/tbody/tr")
    grids: dict[str, list[float]] = {}
    for row in rows:
        grids.setdefault(row.xpath("string(th)"), []).append(
            float(row.xpath("string(td[6]/text()[1])").replace(",", ""))
        )
    assert len(grids) >= 5
    assert all(values == sorted(values) and len(values) <= 3 for values in grids.values())


def test_self_hosting_stands_beside_api_prices(browser: Any, site: Path) -> None:
    page, _ = opened(browser, (site / "tokens.html").as_uri())
    kinds = page.eval_on_selector_all("#self-host tbody tr", "all => all.map(r => r.cells[0].textContent)")
    assert set(kinds) == {"self-hosted", "API"}
    page.context.close()


def test_the_use_of_a_service_of_ones_own_is_that_of_its_estimate(site: Path, bundled_home: Home) -> None:
    with read_published(bundled_home) as con:
        low, high = con.execute(
            "SELECT min(low), max(high) FROM estimated.factor WHERE scenario_id ILIKE '%llama%70b%' AND factor = 'utilization_share'"
        ).fetchall()[0]
    assert f"{low:.0%} – {high:.0%} of the capacity in use" in (site / "tokens.html").read_text(encoding="utf-8")


def test_years_and_months_are_covered_from_their_first_day_to_their_last(site: Path) -> None:
    from lxml import html

    def covered(page: str, unit: str) -> list[str]:
        said = html.parse(str(site / page)).getroot().xpath("//p[@class='stamp']")
        return [
            p.text_content().split("Date: ")[1].split(". ")[0] for p in said if f"Unit: {unit}." in p.text_content()
        ]

    assert covered("regions.html", "gCO2e/kWh")[0] == "2023-01-01 – 2024-12-31"
    assert covered("regions.html", "gCO2e/kWh")[1] == "2020-01-01 – 2024-12-31", "what is claimed has years of its own"
    assert covered("scenarios.html", "kWh, kgCO2e, l") == ["2024-01-01 – 2024-12-31"]
    (months,) = covered("scenarios.html", "million tokens")
    assert months.split(" – ")[1] <= dt.datetime.now(dt.UTC).date().isoformat(), "a month that is not over"


def test_claims_stand_beside_estimates_with_where_they_fail(site: Path) -> None:
    from lxml import html

    root = html.parse(str(site / "scenarios.html")).getroot()
    assert [h.get("id") for h in root.iter("h3")] == [f"article-{n}" for n in range(1, 7)]
    rows = root.xpath("//table[starts-with(@id, 'claims-')]/tbody/tr")
    assert len(rows) >= 15
    verdicts = {row.xpath("string(td[3])").strip() for row in rows}
    assert {"holds", "does not hold"} <= verdicts
    assert all(row.xpath("string(td[5])").strip() for row in rows), "a claim without where it fails"
    (gpus,) = [r for r in rows if "30,382" in r.xpath("string(th)")]
    assert "30,382" in gpus.xpath("string(td[2])")


def test_every_figure_leads_to_the_captures_behind_it(site: Path) -> None:
    from lxml import html

    for name in ("index.html", "petaday.html", "tokens.html", "regions.html"):
        figures = list(html.parse(str(site / name)).getroot().iter("figure"))
        assert figures, name
        for figure in figures:
            listed = figure.findall("details[@class='passport']//li")
            assert listed, (name, figure.findtext("figcaption/span"))
            assert all("SHA-256" in item.text_content() and "licence" in item.text_content() for item in listed)


def test_every_figure_says_unit_date_and_origin(site: Path) -> None:
    from lxml import html

    for name in PAGES.values():
        for figure in html.parse(str(site / name)).getroot().iter("figure"):
            if "band comes from" in (figure.text_content() or ""):
                continue  # shares of a variance stand under the stamp of their scenario
            stamp = " ".join(p.text_content() for p in figure.findall("p[@class='stamp']"))
            assert "Unit: " in stamp and "Date: 20" in stamp, (name, stamp)
            assert "bundled" in stamp or "live" in stamp, (name, stamp)


def test_built_again_only_for_another_publication(bundled_home: Home, site: Path) -> None:
    kept = built(bundled_home)
    assert kept is not None
    assert not kept.is_new
    (site / "report.json").write_text(json.dumps({"publication": 0}), encoding="utf-8")
    assert built(bundled_home) is None
    build(bundled_home)
    assert built(bundled_home) is not None


def test_nothing_published(home: Home) -> None:
    with pytest.raises(NotPublishedError, match="petaday run"):
        build(home)


def test_every_word_is_in_both_languages() -> None:
    for key, entry in dictionary().items():
        assert set(entry) == set(LANGUAGES), key
        assert all(entry.values()), key


def test_words_are_escaped() -> None:
    assert "<b>" not in told("petaday.grid", grid="<b>", year='"')


def test_a_drawing_with_a_foreign_element_is_refused() -> None:
    with pytest.raises(drawing.ChartError, match="script"):
        drawing._cleaned('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "x")
    cleaned = drawing._cleaned(
        '<svg xmlns="http://www.w3.org/2000/svg"><rect onclick="x()" fill="url(http://a)" x="1"/></svg>', "x"
    )
    assert "onclick" not in cleaned
    assert "http://a" not in cleaned


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000012, "1.20 × 10⁻⁵"),
        (3.14e23, "3.14 × 10²³"),
        (0, "0"),
        (None, "–"),
        (1234567, "1,230,000"),
        (9.999, "10.0"),
        (-0.9996, "-1.00"),
        (999.6, "1,000"),
        (9.999e11, "1.00 × 10¹²"),
        (0.5, "0.500"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert shown.number(value) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(3600, 3680.5, "3,600 … 3,680.5"), (None, 0, "≤ 0"), (1e6, None, "≥ 1,000,000"), (None, None, "–")],
)
def test_claimed_ranges_may_be_open(low: float | None, high: float | None, text: str) -> None:
    assert shown.claimed(low, high) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8, "0.80"),
        (0.75, "0.75"),
        (0.747, "0.747"),
        (0.0028, "0.0028"),
        (1.005, "1.00"),
        (1234.5, "1,234.50"),
        (None, "–"),
    ],
)
def test_prices_keep_their_cents(value: float | None, text: str) -> None:
    assert shown.money(value) == text
