"""What the fuzz test of parsers begins with: for every source, documents that it reads.

Recorded payloads where there are any (`RECORDED`, patterns below the folder of samples), else documents in the publisher's
form as the source's own test makes them (`MADE`). A source in neither fails `test_every_source_has_a_document_to_begin_with`.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assets.sources import all_sources
from tests.assets.sources import (
    test_alibaba,
    test_aws_price_list,
    test_aws_savings_plans,
    test_aws_spot,
    test_energy_charts_mix,
    test_epoch,
    test_gpu_cloud_pages,
    test_gpuhunt,
    test_linode,
    test_nyiso,
    test_usage,
)
from tests.assets.sources.test_oci_shapes import shape
from tests.pipelines.test_samples import FILES

#: Source -> files of it (below samples), beside those that tests/pipelines/test_samples.py loads as they are.
RECORDED = FILES | {
    "aemo": "aemo_openelectricity/PUBLIC_TRADINGIS*",
    "caiso": "caiso/fuelsource*.csv",
    "china_mee": "china_mee/*.csv",
    "eco2mix": "rte_eco2mix/*.json",
    "eia": "eia/fuel_type*.json",
    "eia_joined": "eia_derived/*.csv",
    "electricity_maps": "electricity_maps_api/*.json",
    "electricity_maps_yearly": "co2js/electricity-maps_yearly_*.json",
    "ember_price": "ember/api_*price*.csv",
    "energinet_carbon": "energinet/co2*.json",
    "energinet_price": "energinet/*price*.[cj]*",
    "energy_charts_carbon": "energy_charts/co2*.json",
    "energy_charts_price": "energy_charts/price*.json",
    "entsoe": "entsoe/A75*FR*.xml",
    "entsoe_price": "entsoe/A44*.xml",
    "ercot": "us_iso/ercot_fuel_mix.json",
    "gridemissions": "gridemissions/CO2i*.csv",
    "japan_area": "asia/jp_tepco*.csv",
    "market_hourly": "price_hourly/local_naive/[DU][ES]-[LT]*2024.csv",
    "nordpool": "nordpool/*.json",
    "nyiso": "us_iso/nyiso*.csv",
    "openelectricity": "aemo_openelectricity/OPENNEM_AU*.json",
    "openelectricity_price": "aemo_openelectricity/OPENNEM_price*.json",
    "pjm": "us_iso/pjm*.json",
    "smard": "smard/*.csv",
    "watttime": "watttime/*",
}


@dataclass(frozen=True)
class Seed:
    """A batch of documents, (name, body) each; the last one is mutated."""

    documents: tuple[tuple[str, bytes], ...]

    @property
    def body(self) -> bytes:
        """The document to mutate."""
        return self.documents[-1][1]

    def with_body(self, body: bytes) -> Seed:
        """The same batch with that document in place of the last."""
        return Seed((*self.documents[:-1], (self.documents[-1][0], body)))


def _one(name: str, body: str | bytes) -> Seed:
    return Seed(((name, body.encode() if isinstance(body, str) else body),))


def _alibaba(currency: str) -> Seed:
    offers = {
        f"{r}::{test_alibaba.GPU}::vpc::linux::optimized": test_alibaba.terms("138.96")
        for r in ("cn-hangzhou", "us-east-1")
    }
    return _one("body.json", test_alibaba.answer(offers, currency))


def _aws_list(currency: str) -> Seed:
    rows = ({}, test_aws_price_list.NO_UPFRONT | {"PricePerUnit": "30.1"})
    return _one("list.csv", test_aws_price_list.offers(*({"Currency": currency} | r for r in rows)))


def _eia_retail() -> Seed:
    row = {
        "period": "2026-05",
        "stateid": "CA",
        "sectorid": "IND",
        "price": "25.67",
        "price-units": "cents per kilowatt-hour",
    }
    return _one(
        "body.json", json.dumps({"response": {"total": 1, "data": [row, row | {"stateid": "US", "price": 8.9}]}})
    )


def _oci_shapes() -> Seed:
    product = {
        "partNumber": "B98415",
        "displayName": "OCI - Compute - GPU - H100",
        "metricName": "GPU Per Hour",
        "serviceCategory": "Compute - GPU",
        "currencyCodeLocalizations": [{"currencyCode": "USD", "prices": [{"model": "PAY_AS_YOU_GO", "value": 10.0}]}],
    }
    return Seed(
        (
            ("products.json", json.dumps({"items": [product]}).encode()),
            ("shapes.json", json.dumps({"items": [shape("BM.GPU.H100.8", "B98415", 8)]}).encode()),
        )
    )


MADE: dict[str, Callable[[], Seed]] = {
    "alibaba": lambda: _alibaba("USD"),
    "alibaba_cn": lambda: _alibaba("CNY"),
    "aws_price_list": lambda: _aws_list("USD"),
    "aws_price_list_cn": lambda: _aws_list("CNY"),
    "aws_savings_plans": lambda: _one(
        "plans.csv", test_aws_savings_plans.plans({}, {"LeaseContractLength": "1", "DiscountedRate": "40"})
    ),
    "aws_spot": lambda: _one("spot.json", test_aws_spot.spot(("us-east", "p5.48xlarge", "linux", "21.5"))),
    "crusoe_page": lambda: _one("page.html", test_gpu_cloud_pages.CRUSOE),
    "eia_retail": _eia_retail,
    "energy_charts_mix": lambda: _one("public_power_de_2026-01-01.json", test_energy_charts_mix.body()),
    "epoch_hardware": lambda: _one("hardware.csv", test_epoch.HARDWARE),
    "epoch_models": lambda: _one("models.csv", test_epoch.MODELS),
    "gpuhunt": lambda: _one("catalog.zip", test_gpuhunt.archive()),
    "linode": lambda: _one("body.json", test_linode.answer(test_linode.GPU, test_linode.ADA)),
    "nyiso": lambda: _one(
        "mix.csv", test_nyiso.HEADER + "11/03/2024 01:05:00,EDT,Hydro,10\n11/03/2024 01:05:00,EDT,Wind,3\n"
    ),
    "oci_shapes": _oci_shapes,
    "usage": lambda: _one("usage.csv", test_usage.focus_file(test_usage.focus(), test_usage.focus(ResourceId="i-2"))),
}


def _bundled(source_id: str) -> list[Seed]:
    bundled = all_sources()[source_id].bundled
    return [_one(d.path.name, d.path.read_bytes()) for d in bundled()] if bundled else []


def covered() -> set[str]:
    """Sources for which there is something to begin with."""
    return {s.source_id for s in all_sources().values() if s.is_bundled} | set(RECORDED) | set(MADE)


def seeds(samples: Path | None, source_id: str, most_bytes: int, most: int = 4) -> list[Seed]:
    """Batches that the source reads, each document cut down to about `most_bytes` in its own form."""
    found = [MADE[source_id]()] if source_id in MADE else _bundled(source_id)
    if samples is not None and source_id in RECORDED:
        files = [
            f
            for f in sorted(samples.glob(RECORDED[source_id]), key=lambda f: f.name)
            if f.is_file() and 0 < f.stat().st_size <= 3 << 20
        ]
        found += [_one(f.name, f.read_bytes()) for f in files[:: max(len(files) // most, 1)][:most]]
    return [s.with_body(_cut(s.body, most_bytes)) for s in found]


def unpacked(body: bytes) -> tuple[str, bytes] | None:
    """Name and bytes of the only member of an archive that is whole."""
    if not body.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = archive.namelist()
            return (names[0], archive.read(names[0])) if len(names) == 1 else None
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, zlib.error):
        return None


def packed(name: str, body: bytes) -> bytes:
    """An archive with one member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, body)
    return out.getvalue()


def _cut(body: bytes, most_bytes: int) -> bytes:
    """A smaller document of the same form: lists and maps of JSON get shorter, text loses lines, XML and pages stay whole."""
    if inner := unpacked(body):
        return packed(inner[0], _cut(inner[1], most_bytes))
    if len(body) <= most_bytes or body.lstrip()[:1] == b"<" or body.startswith(b"PK\x03\x04"):
        return body
    try:
        value = json.loads(body)
    except ValueError:
        return body[: body.rfind(b"\n", 0, most_bytes) + 1 or most_bytes]
    for keep in (200, 60, 20, 8, 3):
        smaller = json.dumps(_trimmed(value, keep)).encode()
        if len(smaller) <= most_bytes:
            break
    return smaller


def _trimmed(value: object, keep: int) -> object:
    if isinstance(value, list):
        return [_trimmed(v, keep) for v in value[:keep]]
    if isinstance(value, dict):
        # The names of an object are its layout; only a map of very many is a list in disguise.
        items = list(value.items())[: max(keep, 150)]
        return {k: _trimmed(v, keep) for k, v in items}
    return value
