"""Price pages of GPU clouds: archived pages of every year sampled, and what they must survive."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
from bs4 import BeautifulSoup

from assets import intake, recording
from assets.catalog import catalog
from assets.sources._base import FetchError, LayoutError, Window
from assets.sources._price_page import amount_in
from assets.sources.lambda_page import LAMBDA_PAGE
from assets.sources.nebius_page import NEBIUS_PAGE
from tests.assets.sources.reading import read_body, read_files
from tests.replay import ReplayServer
from warehouse.connection import write_session
from warehouse.home import Home
from warehouse.staging import staged

WINDOW = Window(dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
PAGES = {
    "lambda": {"20230909194011_on_demand_table": 13, "20241103180910": 17, "20260109103934": 5},
    "coreweave": {"20230921194906": 12},
    "nebius": {"20241115043809": 5, "20260712235400": 14},
    "hyperstack": {"20240822101707": 9},
    "paperspace": {"20240123092147": 13},
}
ALL_PAGES = [(p, f, n) for p, files in PAGES.items() for f, n in files.items()]
TABLE = (
    "<table><thead><tr><th>GPUs</th><th>VRAM</th><th>vCPUs</th><th>RAM</th><th>Storage</th><th>{}</th></tr></thead>"
    "<tr><td>{}</td><td>80 GB</td><td>26</td><td>200 GiB</td><td>1 TiB</td><td>{}</td></tr></table>"
)


def _member(file: Path) -> bytes:
    """The one file of a zip."""
    with zipfile.ZipFile(file) as archive:
        return archive.read(archive.namelist()[0])


def page(samples: Path, provider: str, file: str) -> pl.DataFrame:
    """Rows of one archived page."""
    return read_files(f"{provider}_page", samples / f"gpu_cloud_html/{provider}_{file}.html")[0][provider]


def prices(frame: pl.DataFrame, option: str = "on_demand") -> dict[str, tuple[float, float]]:
    """(number of GPUs, price of the whole offer) by instance type."""
    rows = frame.filter(pl.col("purchase_option") == option)
    return {
        name: (n, price)
        for name, n, price in rows.select(
            "instance_type", "accelerator_count", pl.col("price_amount_per_hour").round(4)
        ).rows()
    }


@pytest.mark.parametrize(("provider", "file", "count"), ALL_PAGES)
def test_every_archived_page_is_read(provider: str, file: str, count: int, samples: Path) -> None:
    rows = page(samples, provider, file)
    assert rows.height == count
    per_gpu = rows["price_amount_per_hour"] / rows["accelerator_count"]
    assert per_gpu.is_between(0.05, 12).all() and per_gpu.null_count() == 0


def test_lambda_changed_from_instance_to_gpu(samples: Path) -> None:
    """20.72 was eight GPUs in 2023; 2.99 is one of eight in 2024, and in 2026 only the tab says eight."""
    assert prices(page(samples, "lambda", "20230909194011_on_demand_table"))["8x NVIDIA H100 SXM 80 GB"] == (8, 20.72)
    found = prices(page(samples, "lambda", "20241103180910"))
    assert found["8x NVIDIA H100 SXM 80 GB"] == (8, 23.92)
    assert found["8x NVIDIA A100 SXM 40 GB"] == (8, 10.32)
    assert found["1x NVIDIA H100 SXM 80 GB"] == (1, 3.29)
    assert prices(page(samples, "lambda", "20260109103934"))["8x NVIDIA B200 SXM6 180 GB"] == (8, 39.92)


@pytest.mark.parametrize(
    ("heading", "cell", "expected"),
    [
        ("Price", "$20.72 / hr", 20.72),
        ("Price", "$2.99 / GPU / hr", 23.92),
        ("PRICE/GPU/HR*", "$2.99", 23.92),
        ("Price per GPU per hour", "$2.99", 23.92),
        ("Price", "$2.99 per GPU-hour", 23.92),
    ],
)
def test_lambda_unit_is_in_heading_or_cell(heading: str, cell: str, expected: float, tmp_path: Path) -> None:
    body = TABLE.format(heading, "8x NVIDIA H100", cell)
    rows = read_body("lambda_page", body, tmp_path, "page.html")[0]["lambda"]
    assert rows["price_amount_per_hour"].to_list() == pytest.approx([expected])


def test_lambda_row_without_a_number_of_gpus_is_refused(tmp_path: Path) -> None:
    body = TABLE.format("Price", "NVIDIA H100", "$2.00 / hr") + TABLE.format("Price", "1x NVIDIA A10", "$0.60 / hr")
    scopes, rejected = read_body("lambda_page", body, tmp_path, "page.html")
    assert scopes["lambda"].height == 1
    assert "no number of GPUs" in rejected["reason"].item()


@pytest.mark.parametrize("heading", ["Reserved Cloud", "1-Click Clusters\u2122 pricing", "1-year commitment"])
def test_lambda_tables_for_a_term_are_no_prices_on_demand(heading: str, tmp_path: Path) -> None:
    """Under their heading stand other prices of the same machines."""
    on_demand = "<h2>Instances pricing</h2>" + TABLE.format("Price", "8x NVIDIA H100", "$20.72 / hr")
    body = on_demand + f"<h3>{heading}</h3>" + TABLE.format("Price", "8x NVIDIA H100", "$15.12 / hr")
    scopes, rejected = read_body("lambda_page", body, tmp_path, "page.html")
    assert (scopes["lambda"]["price_amount_per_hour"].to_list(), rejected.height) == ([20.72], 0)


COREWEAVE_CELLS = (
    '<div role="listitem" class="table-row w-dyn-item {}"><div class="table-grid"><div class="table-v2-cell table-v2-cell--name">'
    '<h3 data-product="x" class="table-model-name">{}</h3></div>{}</div></div>'
)
COREWEAVE_LABELS = (
    '<div role="listitem" class="table-row-v2 w-dyn-item kubernetes-gpu-pricing"><h3 data-product="x" class="table-model-name">{}</h3>'
    '<div class="table-meta-value">{}</div><div>GPU Count</div><div class="table-meta-value">186</div><div>VRAM</div>'
    '<span class="instance-price">On-Demand Price: <span class="item-value">{}</span> / Hour<br/></span>'
    '<span class="spot-price">Spot Price: <span class="item-value">{}</span> / Hour</span></div>'
)


def coreweave_row(kind: str, name: str, *cells: str) -> str:
    return COREWEAVE_CELLS.format(
        kind, name, "".join(f'<div class="table-v2-cell"><div>{c}</div></div>' for c in cells)
    )


def test_coreweave_prices_whole_instances_since_2024(tmp_path: Path) -> None:
    """49.24 is of eight GPUs, and a processor's row is none of a GPU; another number of columns is not guessed at."""
    body = (
        coreweave_row(
            "gpu-pricing-and-kubernetes-gpu-pricing", "NVIDIA HGX H100", "8", "80", "128", "2,048", "61.44", "$49.24"
        )
        + coreweave_row("kubernetes-gpu-pricing", "NVIDIA GH200", "1", "96", "72", "480", "7.68", "$6.50")
        + coreweave_row("kubernetes-gpu-pricing", "NVIDIA GB300 NVL72", "4", "279", "144", "960", "30.72", "Contact us")
        + coreweave_row("kubernetes-gpu-pricing", "NVIDIA L40S", "8", "48", "$18.00")
        + coreweave_row("kubernetes-cpu-pricing", "AMD Turin", "1", "1", "192", "1,536", "7.68", "$7.68")
    )
    scopes, rejected = read_body("coreweave_page", body, tmp_path, "page.html")
    columns = (
        "region",
        "price_component",
        "instance_type",
        "accelerator_count",
        "accelerator_memory_gib",
        "memory_gib",
    )
    assert scopes["coreweave"].select(*columns, "price_amount_per_hour").rows() == [
        ("global", "instance", "NVIDIA HGX H100", 8.0, 80.0, 2048.0, 49.24),
        ("global", "instance", "NVIDIA GH200", 1.0, 96.0, 480.0, 6.5),
    ]
    assert rejected["reason"].to_list() == ["no price, or no number of GPUs, in the row"]


@pytest.mark.parametrize("count", ["4^1", "4<sup>1</sup>", "4 ^1"])
def test_coreweave_counts_with_a_footnote_by_region(count: str, tmp_path: Path) -> None:
    """Four GPUs at 42 an hour are not 41 of them."""
    body = "".join(
        f"<p>REGION: {region}</p>" + COREWEAVE_LABELS.format("NVIDIA GB200 NVL72", count, price, spot)
        for region, price, spot in (("NORTH AMERICA", "$42.00", "N/A"), ("EUROPE", "$44.00", "$20.10"))
    )
    # Told by sales: an offer without a figure is no fault.
    body += COREWEAVE_LABELS.format("NVIDIA GB300 NVL72", count, "", "N/A")
    scopes, rejected = read_body("coreweave_page", body, tmp_path, "page.html")
    columns = ("region", "purchase_option", "accelerator_count", "price_amount_per_hour", "accelerator_memory_gib")
    assert scopes["coreweave"].select(columns).rows() == [
        ("North America", "on_demand", 4.0, 42.0, 186.0),
        ("Europe", "on_demand", 4.0, 44.0, 186.0),
        ("Europe", "spot", 4.0, 20.1, 186.0),
    ]
    assert rejected.is_empty()


def test_coreweave_memory_of_the_host_is_none_of_the_card(tmp_path: Path) -> None:
    names = [f"NVIDIA RTX PRO 6000 Blackwell Server Edition ({much} Memory)" for much in ("High", "Standard")]
    cells = ("8", "96", "128", "1,024", "7.68")
    body = "".join(
        coreweave_row("kubernetes-gpu-pricing", name, *cells, usd)
        for name, usd in zip(names, ("$20.00", "$18.00"), strict=True)
    )
    scopes, _ = read_body("coreweave_page", body, tmp_path, "page.html")
    assert prices(scopes["coreweave"]) == {names[0]: (8, 20.0), names[1]: (8, 18.0)}
    assert set(scopes["coreweave"]["accelerator_name"]) == {"NVIDIA RTX PRO 6000 Blackwell Server Edition"}


def test_coreweave_prices_the_gpu_alone(samples: Path) -> None:
    rows = page(samples, "coreweave", "20230921194906")
    assert set(rows["price_component"]) == {"accelerator"}
    assert prices(rows)["NVIDIA HGX H100"] == (1, 4.76)
    _, rejected = read_files("coreweave_page", samples / "gpu_cloud_html/coreweave_20230921194906.html")
    assert "cut short" in rejected["reason"].item()


def test_nebius_columns_are_found_by_heading(samples: Path) -> None:
    """The cheaper column comes after on-demand in 2024 (reserve) and before it in 2026 (preemptible)."""
    old = page(samples, "nebius", "20241115043809")
    assert prices(old)["8 \u00d7 H200 SXM"] == (8, 28.0)
    assert set(old["purchase_option"]) == {"on_demand"}
    assert old.filter(pl.col("instance_type") == "8 \u00d7 H200 SXM")["accelerator_memory_gib"].to_list() == [141]
    new = page(samples, "nebius", "20260712235400")
    assert prices(new)["NVIDIA HGX H100"] == (1, 3.85)
    assert prices(new, "spot")["NVIDIA HGX H100"] == (1, 2.15)


def test_nebius_from_prices_and_offers_without_one(samples: Path) -> None:
    rows = page(samples, "nebius", "20260712235400")
    assert not rows["instance_type"].str.contains("GB300|GB200").any()
    low = rows.filter(pl.col("offer_variant") == "from")
    assert set(low["accelerator_name"]) == {"NVIDIA L40S with Intel CPU", "NVIDIA L40S with AMD CPU"}
    assert low["vcpu_count"].null_count() == low.height


NEBIUS_CELL = '<div class="pc-highlight-table-block__cell"><p>{}</p></div>'
NEBIUS_ROW = '<div class="pc-highlight-table-block__row">{}</div>'


def nebius_table(*rows: tuple[str, ...]) -> str:
    return "".join(NEBIUS_ROW.format("".join(NEBIUS_CELL.format(c) for c in row)) for row in rows)


#: As of autumn 2026: a table of announced prices, spot in a table of its own, and tables of other things.
NEBIUS = (
    nebius_table(
        ("Item", "vCPUs", "RAM, GB", "On-demand, GPU-hour", "GPU-hour (Effective October 1, 2026)"),
        ("NVIDIA GB300 NVL72", "112", "800", "Contact us", "Contact us"),
        ("NVIDIA HGX B300", "24", "346", "Contact us", "$9.50"),
        ("NVIDIA HGX H100", "16", "200", "$3.85", "$4.50"),
    )
    + nebius_table(
        ("Item", "vCPUs", "RAM, GB", "Spot price, GPU-hour*"), ("NVIDIA HGX H100", "16", "200", "from $0.79**")
    )
    + nebius_table(
        ("Item", "vCPUs", "RAM, GB", "Price per hour", "Price per hour (Effective October 1, 2026)"),
        ("AMD EPYC Genoa", "4-64", "16-256", "from $0.10", "from $0.13"),
    )
)
OCTOBER = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (15, [("NVIDIA HGX B300", 9.5, OCTOBER), ("NVIDIA HGX H100", 3.85, None), ("NVIDIA HGX H100", 4.5, OCTOBER)]),
        (35, [("NVIDIA HGX B300", 9.5, OCTOBER), ("NVIDIA HGX H100", 4.5, OCTOBER)]),
    ],
)
def test_nebius_announced_prices_hold_from_their_day(day: int, expected: list[tuple], tmp_path: Path) -> None:
    """The column of the old price stands beside them after that day too."""
    read_at = dt.datetime(2026, 9, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)
    scopes, rejected = read_body("nebius_page", NEBIUS, tmp_path, "page.html", observed_at=read_at)
    rows = scopes["nebius"]
    assert rows.filter(pl.col("purchase_option") == "on_demand").select(
        "instance_type", "price_amount_per_hour", "valid_from"
    ).rows() == [(name, price, start or read_at) for name, price, start in expected]
    spot = rows.filter(pl.col("purchase_option") == "spot")
    assert spot.select("instance_type", "offer_variant", "price_amount_per_hour", "valid_from").rows() == [
        ("NVIDIA HGX H100", "from", 0.79, read_at)
    ]
    assert rejected.is_empty()


def test_nebius_a_later_price_without_its_day_is_no_price_of_today(tmp_path: Path) -> None:
    body = NEBIUS.replace("October 1, 2026", "soon")
    scopes, _ = read_body("nebius_page", body, tmp_path, "page.html")
    assert prices(scopes["nebius"]) == {"NVIDIA HGX H100": (1, 3.85)}


def test_nebius_an_announced_price_comes_in_force(home: Home, tmp_path: Path) -> None:
    """Read before its day, and again after it: each day has its price, and nothing ends."""
    for day in (1, 15, 35):
        (tmp_path / "page.html").write_text(NEBIUS + f"<!-- {day} -->")
        read_at = OCTOBER + dt.timedelta(days=day - 30)
        (taken,) = intake.take_files(home, NEBIUS_PAGE, [tmp_path / "page.html"], read_at)
        assert taken.outcome == "loaded"
        recording.record_subject(home, "cloud_rate")
    with write_session(home, catalog()) as con:
        told = con.execute(
            "SELECT price_amount_per_hour, is_offered, valid_from FROM observed.cloud_rate_log "
            "WHERE instance_type = 'NVIDIA HGX H100' AND purchase_option = 'on_demand' ORDER BY valid_from"
        ).fetchall()
    assert told == [(3.85, True, OCTOBER - dt.timedelta(days=29)), (4.5, True, OCTOBER)]


def test_hyperstack_reservation_is_not_the_price(samples: Path) -> None:
    found = prices(page(samples, "hyperstack", "20240822101707"))
    assert found["NVIDIA A100 PCIe 80GB"] == (1, 2.2) and found["NVIDIA H100 SXM 80GB"] == (1, 3.75)


def test_hyperstack_tables_by_the_words_over_them(tmp_path: Path) -> None:
    """Spot is no on-demand price, a reservation neither; "x8" leaves open whether the price is of one GPU."""
    table = "<h3>{}</h3><table><tr><th>GPU Model</th><th>Pricing Per Hour</th></tr>{}</table>"
    row = "<tr><td>{}</td><td>{}</td></tr>".format
    body = (
        table.format("On-Demand (or reserved)", row("NVIDIA H100 SXM", "$2.40") + row("NVIDIA H100 SXM x8", "$19.20"))
        + table.format("Spot VMs", row("NVIDIA H100 SXM", "$1.92"))
        + table.format("Reserved", row("NVIDIA H200 SXM", "$2.45"))
    )
    scopes, rejected = read_body("hyperstack_page", body, tmp_path, "page.html")
    assert prices(scopes["hyperstack"]) == {"NVIDIA H100 SXM": (1, 2.4)}
    assert prices(scopes["hyperstack"], "spot") == {"NVIDIA H100 SXM": (1, 1.92)}
    assert "a number of GPUs" in rejected["reason"].item()


HYPERSTACK_CARD = '<h3><span>{}</span> Pricing</h3><div class="page-price_card_main"><div class="page-price_card_head">{}</div>{}</div>'


def hyperstack_card(title: str, heads: tuple[str, ...], *rows: tuple[str, ...]) -> str:
    head = "".join(f'<div class="page-price_card_head_item"><span>{h}</span></div>' for h in heads)
    cells = ["".join(f'<div class="page-price_card_row_item_col">{c}</div>' for c in row) for row in rows]
    return HYPERSTACK_CARD.format(
        title, head, "".join(f'<div class="page-price_card_row_item">{c}</div>' for c in cells)
    )


def test_hyperstack_cards_since_2025(tmp_path: Path) -> None:
    """Cores of a processor are no GPU, whatever the heading says ("GPU Cores"); a reservation is of no stated term."""
    body = (
        hyperstack_card(
            "On-Demand GPU",
            ("GPU Model ", "VRAM (GB)", "Max pCPUs per GPU", "Max RAM (GB) per GPU", "Pricing Per Hour"),
            ("NVIDIA H100 SXM", "80", "24", "240", "$3.20"),
            ("NVIDIA H100 NVLink", "80", "31", "180", "&nbsp;$2.60"),
            ("NVIDIA B300", "288", "28", "240", "Contact us"),
        )
        + hyperstack_card(
            "Reservation", ("GPU Model", "Starting from", "Reserve"), ("NVIDIA H100 SXM", "$2.72", "here")
        )
        + hyperstack_card("Spot VM", ("GPU Model", "Spot VM"), ("NVIDIA H100 PCIe", "$2.00"))
        + hyperstack_card(
            "On-Demand CPU",
            ("CPU Flavor", "GPU Cores", "RAM (GB)", "ROOT Disk (GB)", "Pricing Per Hour"),
            ("n1-cpu-small", "4", "4", "100", "$0.35"),
        )
    )
    scopes, rejected = read_body("hyperstack_page", body, tmp_path, "page.html")
    assert prices(scopes["hyperstack"]) == {"NVIDIA H100 SXM": (1, 3.2), "NVIDIA H100 NVLink": (1, 2.6)}
    assert prices(scopes["hyperstack"], "spot") == {"NVIDIA H100 PCIe": (1, 2.0)}
    assert scopes["hyperstack"]["accelerator_memory_gib"].to_list() == [80, 80, None]
    assert rejected.is_empty()


def crusoe_list(heads: tuple[str, ...], *items: tuple[str, tuple[str, ...], tuple[str, ...]]) -> str:
    parts = [f'<div class="pricing-heading">{h}</div>' for h in heads]
    body = f'<div class="pricing-table-heading">{"".join(parts)}</div>'
    for name, tags, cells in items:
        inner = "".join(f'<div class="pricing-tag">{t}</div>' for t in tags)
        inner += "".join(f'<div class="pricing-rich"><p>{c}</p></div>' for c in cells)
        body += f'<div class="prixing-item"><h4 class="pricing-item-heading">{name}</h4>{inner}</div>'
    return body


CRUSOE = (
    crusoe_list(
        ("GPU model", "On-demand", "Current spot"),
        ("NVIDIA GB200", ("186GB", "NVL72"), ("Contact sales", "Contact sales")),
        ("NVIDIA H100", ("80GB", "HGX"), ("$3.90/GPU-hr", "Contact sales")),
        ("NVIDIA A100", ("80GB", "SXM"), ("$2.30/GPU-hr", "$1.30/GPU-hr")),
        ("NVIDIA A100", ("80GB", "PCIe"), ("$2.00/GPU-hr", "Contact sales")),
        ("NVIDIA L40S", ("48GB", ""), ("$1.50/GPU-hr", "Contact sales")),
    )
    + crusoe_list(("CPU Type", "On-demand"), ("General-purpose", (), ("$0.04/vCPU-hr",)))
    + crusoe_list(("Storage",), ("Persistent disks", (), ("$0.08<br/>per GiB/month",)))
    + crusoe_list(("GPU type", "Price per hour"), ("NVIDIA H100", ("80GB", "HGX"), ("$5.50",)))
)


def test_crusoe_lists_of_gpus_only(tmp_path: Path) -> None:
    """5.50 is an inference endpoint on an H100, 2.30 and 2.00 are two forms of one card."""
    scopes, rejected = read_body("crusoe_page", CRUSOE, tmp_path, "page.html")
    rows = scopes["crusoe"]
    assert prices(rows) == {
        "NVIDIA H100 80GB HGX": (1, 3.9),
        "NVIDIA A100 80GB SXM": (1, 2.3),
        "NVIDIA A100 80GB PCIe": (1, 2.0),
        "NVIDIA L40S 48GB": (1, 1.5),
    }
    assert prices(rows, "spot") == {"NVIDIA A100 80GB SXM": (1, 1.3)}
    assert rows["accelerator_name"].to_list()[:2] == ["NVIDIA H100 HGX", "NVIDIA A100 SXM"]
    assert set(rows["accelerator_memory_gib"]) == {80, 48}
    assert rejected.is_empty()


def crusoe_row(name: str, memory: str, form: str, *cells: str) -> str:
    head = f"<div>{name}</div> <div><div>{memory} </div> <div>{form}</div></div>"
    return f"<tr><td>{head}</td>{''.join(f'<td> {c} </td>' for c in cells)}</tr>"


def test_crusoe_a_table_in_2025(tmp_path: Path) -> None:
    """All columns are of one GPU; six months are no option that is kept, and a row that is cut short is refused."""
    heads = ("GPU Pricing", "On-Demand", "Current Spot", "6-month reserved", "1-year reserved", "3-year reserved")
    amounts = ("3.45", "0.95", "2.76", "2.59", "2.24")
    body = "<table><thead><tr>" + "".join(f"<th> {h} </th>" for h in heads) + "</tr></thead>"
    body += crusoe_row("AMD MI300X", "192GB", "OAM", *(f"<span>$</span> {a}<span> /hr </span>" for a in amounts))
    body += crusoe_row("NVIDIA A100", "80GB", "PCIe", "<span>$</span> 1.65<span> /hr </span>", *["Contact Sales"] * 4)
    body += crusoe_row("NVIDIA A40", "48GB", "PCIe") + "</table><table><tr><th>CPU pricing</th><th>On-Demand</th></tr>"
    body += crusoe_row("AMD EPYC", "", "", "$0.04 /hr") + "</table>"
    scopes, rejected = read_body("crusoe_page", body, tmp_path, "page.html")
    rows = scopes["crusoe"]
    assert prices(rows) == {"AMD MI300X 192GB OAM": (1, 3.45), "NVIDIA A100 80GB PCIe": (1, 1.65)}
    of_one = rows.filter(pl.col("instance_type") == "AMD MI300X 192GB OAM")
    assert dict(of_one.select("purchase_option", "price_amount_per_hour").rows()) == {
        "on_demand": 3.45,
        "spot": 0.95,
        "reserved_1y": 2.59,
        "reserved_3y": 2.24,
    }
    assert set(rows.select("accelerator_name", "accelerator_memory_gib").rows()) == {
        ("AMD MI300X OAM", 192.0),
        ("NVIDIA A100 PCIe", 80.0),
    }
    assert rejected["reason"].to_list() == ["0 prices under 5 headings, or no name"]


@pytest.mark.parametrize("cells", [("$3.90", "$1.00/GPU-hr"), ("$3.90/GPU-hr",), ("$2,808/GPU-month", "Contact sales")])
def test_crusoe_a_price_of_another_unit_is_refused(cells: tuple[str, ...], tmp_path: Path) -> None:
    odd = crusoe_list(("GPU model", "On-demand", "Current spot"), ("NVIDIA H100", ("80GB", "HGX"), cells))
    scopes, rejected = read_body("crusoe_page", CRUSOE + odd, tmp_path, "page.html")
    assert rejected.height == 1
    assert prices(scopes["crusoe"])["NVIDIA H100 80GB HGX"] == (1, 3.9)


def test_paperspace_stars_and_hidden_blocks(samples: Path) -> None:
    """2.24* is a price for three years, 6.00 in the footnote the one on demand; 3.09 is hidden and old."""
    rows = page(samples, "paperspace", "20240123092147")
    assert prices(rows)["H100"] == (1, 6.0) and prices(rows, "reserved_3y")["H100"] == (1, 2.24)
    assert "A100-80G" not in prices(rows) and prices(rows, "reserved_3y")["A100-80G"] == (1, 1.15)
    assert 3.09 not in rows["price_amount_per_hour"].to_list()


def test_paperspace_star_without_footnote_is_refused(tmp_path: Path) -> None:
    block = '<div class="instance-type-holder-flex"><h1 class="instance-names">{}</h1><h1 class="instance-price-2">{}</h1></div>'
    body = block.format("H100", "2.24*") + block.format("A4000", "0.76")
    scopes, rejected = read_body("paperspace_page", body, tmp_path, "page.html")
    assert prices(scopes["paperspace"]) == {"A4000": (1, 0.76)}
    assert "footnote" in rejected["reason"].item()


def test_sfcompute_zeros_and_one_cent_floors(samples: Path) -> None:
    scopes, rejected = read_files("sfcompute_page", samples / "gpu_cloud_html/sfcompute_2026-07-15.html")
    rows = scopes["sfcompute"]
    assert set(rows["instance_type"]) == {"H100"} and rows.height == 13
    average = rows.filter(pl.col("offer_variant") == "market_average").sort("valid_from")
    assert average["price_amount_per_hour"].to_list() == [2.04, 2.01, 1.94, 2.11, 2.12]
    assert average["valid_from"][0] == dt.datetime(2026, 7, 11, tzinfo=dt.UTC)
    assert rejected.height == 2 and "one cent" in rejected["reason"][0]


@pytest.mark.parametrize("strange", ["null", "7", '"none"', "[]"])
def test_sfcompute_a_day_that_is_none_costs_itself(strange: str, tmp_path: Path) -> None:
    day = '{"date": "$D2026-07-11T00:00:00.000Z", "avg": 2.04, "top": 2.2, "bottom": 1.9}'
    payload = f'"pricesByHardwareType":{{"H100": [{strange}, {day}], "B200": {strange}}}'
    body = f"<script>self.__next_f.push([1,{json.dumps(payload)}])</script>"
    scopes, _ = read_body("sfcompute_page", body, tmp_path, "page.html")
    assert sorted(scopes["sfcompute"]["price_amount_per_hour"]) == [1.9, 2.04, 2.2]


@pytest.mark.parametrize("provider", [*PAGES, "sfcompute"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<html><body><h1>Prices</h1><table><tr><td>Contact sales</td></tr></table></body></html>", "no price"),
        ("<html><head><title>Access to this page has been denied.</title></head></html>", "captcha or block page"),
        ("", "empty"),
    ],
)
def test_pages_without_a_row_are_refused(provider: str, body: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=message):
        read_body(f"{provider}_page", body, tmp_path, "page.html")


@pytest.mark.parametrize("absurd", ["$0.00 / hr", "$99999 / hr"])
def test_absurd_prices_are_refused(absurd: str, tmp_path: Path) -> None:
    body = TABLE.format("Price", "1x NVIDIA A10", "$0.60 / hr") + TABLE.format("Price", "1x NVIDIA H100", absurd)
    scopes, rejected = read_body("lambda_page", body, tmp_path, "page.html")
    assert (scopes["lambda"].height, rejected.height) == (1, 1)


def test_live_obeys_robots(home: Home, replay: ReplayServer) -> None:
    replay.add("https://lambda.ai/robots.txt", "User-agent: *\nDisallow: /private", times=1)
    replay.add("https://lambda.ai/pricing", TABLE.format("Price", "1x NVIDIA A10", "$0.60 / hr"))
    taken = intake.take_live(home, LAMBDA_PAGE, WINDOW)
    assert [(t.outcome, t.row_count) for t in taken] == [("loaded", 1)]
    assert [b.source_id for _, b in staged(home)] == ["lambda_page"]
    replay.add("https://lambda.ai/robots.txt", "User-agent: *\nDisallow: /pricing")
    with pytest.raises(FetchError, match="robots"):
        intake.take_live(home, LAMBDA_PAGE, WINDOW)


def test_a_trackers_on_demand_may_be_preemptible(samples: Path) -> None:
    """Why gpu-pricing-tracker is no source: a week after this page it has Nebius' preemptible price as on demand."""
    key = pl.read_csv(_member(samples / "gpu_rental_snapshots/observations_to_2026-07-21.csv.zip"), infer_schema=False)
    key = key.filter(
        (pl.col("date") == "2026-07-20")
        & (pl.col("source_url") == "https://nebius.com/prices")
        & (pl.col("gpu_model") == "H100_SXM")
        & (pl.col("rental_type") == "on_demand")
    )
    rows = page(samples, "nebius", "20260712235400")
    assert float(key["price_median_usd"].item()) == prices(rows, "spot")["NVIDIA HGX H100"][1] == 2.15
    assert prices(rows)["NVIDIA HGX H100"][1] == 3.85


@pytest.mark.parametrize("change", ["front", "back", "reversed"])
@pytest.mark.parametrize(
    ("provider", "file"),
    [
        ("lambda", "lambda_20230909194011_on_demand_table.html"),
        ("lambda", "lambda_20260109103934.html"),
        ("hyperstack", "hyperstack_20240822101707.html"),
    ],
)
def test_columns_are_found_by_their_headings(
    provider: str, file: str, change: str, samples: Path, tmp_path: Path
) -> None:
    """A new column at either end, or all of them the other way round, changes no figure."""
    original = samples / "gpu_cloud_html" / file
    before, _ = read_files(f"{provider}_page", original)
    soup = BeautifulSoup(original.read_bytes(), "lxml")
    for row in soup.find_all("tr"):
        cells = row.find_all(["td", "th"], recursive=False)
        more = soup.new_tag(cells[0].name)
        more.string = "Availability" if row.find_parent("thead") or cells[-1].name == "th" else "12 left"
        if change == "front":
            cells[0].insert_before(more)
        elif change == "back":
            cells[-1].insert_after(more)
        else:
            for cell in reversed(cells):
                row.append(cell.extract())
    changed = tmp_path / file
    changed.write_text(str(soup))
    after, _ = read_files(f"{provider}_page", changed)
    assert before.keys() == after.keys()
    for scope, frame in before.items():
        assert after[scope].sort("instance_type").equals(frame.sort("instance_type"))


@pytest.mark.parametrize(
    ("cell", "heading", "amount", "is_from"),
    [
        ("$2.99", "", 2.99, False),
        ("$ 2.20 per Hour", "", 2.2, False),
        ("$2.99 / GPU / hr", "Price / GPU / month", 2.99, False),
        ("$1,234.50 / hr", "", 1234.5, False),
        ("US$2.99", "", 2.99, False),
        ("$2.99 USD / hr, billed per second", "", 2.99, False),
        ("from $1.82", "", 1.82, True),
        ("$2.10 \u2013 $3.40", "", 2.1, True),
        ("$2.10 - 3.40 / hr", "", 2.1, True),
        ("$2,150 / month, $2.99 / hr", "", 2.99, False),
        ("$2,150 / mo", "", None, False),
        ("$0.0005 / GPU / second", "", None, False),
        ("$0.05 per minute", "", None, False),
        ("$70/day", "", None, False),
        ("$26,000 / year", "", None, False),
        ("$2,150", "Monthly price", None, False),
        ("$2,150", "Price per month", None, False),
        ("A$2.99", "", None, False),
        ("$2.99 CAD", "", None, False),
        ("C$ 2.99 / hr", "", None, False),
        ("$2,99", "", None, False),
        ("2.99", "", None, False),
        ("\u20ac2.99", "", None, False),
        ("$1.2K", "", None, False),
    ],
)
def test_an_amount_is_in_us_dollars_and_for_an_hour(
    cell: str, heading: str, amount: float | None, is_from: bool
) -> None:
    assert amount_in(cell, heading) == (amount, is_from)


def test_a_price_that_is_struck_out_is_no_price(tmp_path: Path) -> None:
    page = (
        "<html><body><table><tr><th>GPU</th><th>Pricing Per Hour</th></tr>"
        "<tr><td>B300</td><td><s>$9.99</s> $6.50</td></tr><tr><td>H200</td><td><del>$4.00</del></td></tr>"
        "<tr><td>L40S</td><td>$1.10</td></tr></table></body></html>"
    )
    scopes, _ = read_body("hyperstack_page", page, tmp_path, "page.html")
    prices = scopes["hyperstack"].select("instance_type", "price_amount_per_hour").rows()
    assert sorted(prices) == [("B300", 6.5), ("L40S", 1.1)]
    monthly = page.replace("Pricing Per Hour", "Pricing Per Month")
    with pytest.raises(LayoutError, match="no price row"):
        read_body("hyperstack_page", monthly, tmp_path, "page.html")
