"""GCP machine types with accelerators, from Cyclenerd's pricing.yml: one YAML of 27,000 to 139,000 lines.

Host and accelerators are added up by its author, local SSDs of A3 included, so a price is of a whole instance. Reading
all of it as YAML takes three seconds; the blocks of the types that count are cut out by their indentation first.

Quirks: the oldest files have no spot prices and no date in them; `about.timestamp` of the others is when the file was
made, not from when a price holds. Commitments are given by the month, and a month is 730 hours by the file's own
convention (`month` = 730 x `hour`; resource commitments only for what Google sells so: A2 ultra lost them). G4 slices
have a fraction of a GPU.

Faults met: where a commitment was not known, files of 2022 to 2024 repeat the price on demand; that is no commitment.
And where the price of the GPU was not known, they give the host alone (A2 in Toronto at 0.81 USD per A100 from 2022-09
to 2024-03): a list price below half of the median of all regions is refused, and the spot price of such a machine with
it. Spot prices as such do differ that much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
import yaml

from assets.sources import _git
from assets.sources._base import LayoutError, Reading, Request, Scope, Source, Window, body_of, refused, split_by_fault
from assets.sources._rows import cloud_rates, number_of
from warehouse.captures import Document

HOURS_PER_MONTH = 730.0
#: List prices of one type differ between regions by less than this.
LEAST_SHARE_OF_MEDIAN = 0.5
#: Families whose accelerators are fixed: A2 and newer, G2 and newer, TPU hosts. (g1-small is none of them.)
_FAMILY = re.compile(r"(?:a[2-9]x?|g[2-9]|ct\d+[a-z]*|tpu\d+[a-z]*)-[a-z0-9-]+\Z")
#: Keys of a type that do not name its accelerator.
_HOST_KEYS = {"cost", "cpu", "ram", "bandwidth", "local-ssd", "local", "type", "series"}
_OPTIONS = {"hour": "on_demand", "hour_spot": "spot", "month_1y": "reserved_1y", "month_3y": "reserved_3y"}
_BLOCK = re.compile(r"^    ([A-Za-z0-9_.-]+):[ \t]*$", re.MULTILINE)


def plan(window: Window) -> Iterable[Sequence[Request]]:
    """The file of today, or those of past days."""
    return _git.current_or_past("Cyclenerd/google-cloud-pricing-cost-calculator", "pricing.yml", window, "master")


def _machine_types(document: Document) -> dict[str, dict[str, Any]]:
    """Blocks of the machine types with accelerators, by name."""
    text = body_of(document).decode("utf-8-sig", "replace")
    text = text.replace("\r\n", "\n")
    starts = text.find("\n  instance:\n", max(text.find("\ncompute:\n"), 0))
    if starts < 0 or "\ncompute:\n" not in f"\n{text[: starts + 1]}":
        raise LayoutError(f"{document.url}: compute.instance is missing (renamed?); the file begins {text[:120]!r}")
    starts += len("\n  instance:\n")
    # The section ends at the next key that is indented less.
    end = re.compile(r"^(?:  )?[A-Za-z]", re.MULTILINE).search(text, starts)
    section = text[starts : end.start() if end else len(text)]
    heads = list(_BLOCK.finditer(section))
    found: dict[str, dict[str, Any]] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        name, block = head[1], section[head.end() : following.start() if following else len(section)]
        if _FAMILY.match(name):
            try:
                about = yaml.load(block, Loader=yaml.CSafeLoader)
            except yaml.YAMLError as e:
                raise LayoutError(f"{document.url}: {name} is not readable (truncated?): {str(e)[:200]}") from e
            if not isinstance(about, dict) or not isinstance(about.get("cost"), dict):
                raise LayoutError(f"{document.url}: {name} has no cost (renamed, or truncated?)")
            found[name] = about
    if not found:
        raise LayoutError(f"{document.url}: none of its machine types has accelerators")
    return found


#: Columns of a cell of the file: the price of a machine type in a region under one of `_OPTIONS`.
_CELL = {
    "instance_type": pl.String,
    "accelerator_name": pl.String,
    "accelerator_count": pl.Float64,
    "vcpu_count": pl.Float64,
    "memory_gib": pl.Float64,
    "region": pl.String,
    "key": pl.String,
    "price": pl.Float64,
    "is_no_number": pl.Boolean,
}


def _judged(offers: pl.DataFrame) -> pl.DataFrame:
    """Cells that state a price, with `hourly` (USD), `is_low` (far below the median of the regions) and `why` one is refused."""
    on_demand = pl.col("key") == "hour"
    # A missing or zero price of a commitment or of spot means that it is not sold so; on demand it is a fault.
    offers = offers.filter(
        on_demand | pl.col("is_no_number") | (pl.col("price").is_not_null() & (pl.col("price") != 0))
    )
    of_month = pl.col("key").str.starts_with("month")
    is_spot = pl.col("key") == "hour_spot"
    here = ["instance_type", "region"]
    offers = offers.with_columns(
        pl.when(of_month).then(pl.col("price") / HOURS_PER_MONTH).otherwise(pl.col("price")).alias("hourly")
    ).with_columns(
        (pl.col("hourly") < LEAST_SHARE_OF_MEDIAN * pl.col("hourly").median().over("instance_type", "key")).alias(
            "is_low"
        )
    )
    list_price = pl.col("hourly").filter(on_demand & ~pl.col("is_low")).first().over(here)
    offers = offers.filter(~of_month | (pl.col("hourly") < 0.999 * list_price).fill_null(value=True))
    lacks_gpu = pl.when(is_spot).then((pl.col("is_low") & on_demand).any().over(here)).otherwise(pl.col("is_low"))
    return offers.with_columns(
        pl.when(pl.col("price").is_null() | (pl.col("price") <= 0))
        .then(pl.lit("the price per hour is missing, no number, zero or negative"))
        .when(lacks_gpu)
        .then(pl.lit("below half of the median of all regions: the price of the accelerator is missing in it"))
        .alias("why")
    )


def parse(documents: Sequence[Document]) -> Reading:
    """Instances with accelerators by region: on demand, spot and by commitment."""
    (document,) = documents
    cells = [
        (name, *_accelerator(about), about.get("cpu"), about.get("ram"), region, key, *_number(prices.get(key)))
        for name, about in _machine_types(document).items()
        for region, prices in about["cost"].items()
        for key in _OPTIONS
    ]
    offers = _judged(pl.DataFrame(cells, schema=_CELL, orient="row", strict=False))
    offers, unusable = split_by_fault(offers, pl.col("why"))
    key = {
        "region": pl.col("region"),
        "instance_type": pl.col("instance_type"),
        "purchase_option": pl.col("key").replace_strict(_OPTIONS, return_dtype=pl.String),
    }
    frame = cloud_rates(
        offers,
        provider="gcp",
        accelerator_name=pl.col("accelerator_name"),
        accelerator_count=pl.col("accelerator_count"),
        accelerator_memory_gib=pl.col("accelerator_name").str.extract(r"-(\d+)gb"),
        vcpu_count=pl.col("vcpu_count"),
        memory_gib=pl.col("memory_gib"),
        price_amount_per_hour=pl.col("hourly"),
        **key,
    )
    return Reading(
        [Scope("gcp", frame, is_complete=True)],
        refused(unusable.drop("why", "hourly", "is_low", "is_no_number"), unusable["why"], **key),
    )


def _number(value: object) -> tuple[float | None, bool]:
    """A price as a number, and whether something stands in its place that is none ("n/a")."""
    number = number_of(value)
    return number, number is None and value is not None


def _accelerator(about: dict[str, Any]) -> tuple[str | None, float | None]:
    """Name and count of the accelerator: the one key with a number that is not of the host."""
    named = [(k, v) for k, v in about.items() if k not in _HOST_KEYS and isinstance(v, int | float) and v > 0]
    return (named[0][0], float(named[0][1])) if len(named) == 1 else (None, None)


GCP_PRICING_YML = Source(
    source_id="gcp_pricing_yml",
    subject="cloud_rate",
    title="GCP machine types (Cyclenerd pricing.yml)",
    homepage_url="https://github.com/Cyclenerd/google-cloud-pricing-cost-calculator",
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    attribution="Nils Knieling, google-cloud-pricing-cost-calculator",
    parse=parse,
    plan=plan,
    expand=_git.expand,
    hosts=_git.HOSTS,
    cadence="50 6 * * *",
    changes_within_days=60,
    has_history=True,
    extension="yml",
)
