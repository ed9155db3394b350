"""Every live price source against its publisher with faults: what is asked, once more after a fault, and not again where nothing changed."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path

import pytest

from assets import intake
from assets.sources import all_sources, source_named
from assets.sources._base import FetchError, Window
from tests.assets.sources.test_gpu_cloud_pages import CRUSOE
from tests.replay import ReplayServer
from warehouse import staging
from warehouse.home import Home
from warehouse.last_answers import remember_answers

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
_RAW = "https://raw.githubusercontent.com"

#: Sources whose answer is one document: what is asked, and a recorded answer.
ONE_ANSWER = {
    "aws_p5_series": (
        f"{_RAW}/amorton45/aws-gpu-price-tracker/main/gpu_prices.csv",
        "aws_price_list/gpu_prices_p5.48xlarge_daily_amorton45.csv",
    ),
    "coreweave_page": ("https://www.coreweave.com/pricing", "gpu_cloud_html/coreweave_20230921194906.html"),
    "crusoe_page": ("https://crusoe.ai/cloud/pricing", CRUSOE),
    "ecb": ("https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist-90d.xml", "ecb/*.xml"),
    "gcp_pricing_yml": (
        f"{_RAW}/Cyclenerd/google-cloud-pricing-cost-calculator/master/pricing.yml",
        "gcp_pricing_yml/pricing_2022-02-17.yml.zip",
    ),
    "genai_prices": (
        f"{_RAW}/pydantic/genai-prices/main/prices/new_data/v2/data.json",
        "genai_prices/v2_data_2026-08.json.zip",
    ),
    "gpurentalprices": (
        f"{_RAW}/adriannutiu/gpu-rental-prices/main/data/latest.json",
        "gpu_rental_snapshots/gpurentalprices_2026-08-22.json",
    ),
    "hyperstack_page": ("https://www.hyperstack.cloud/gpu-pricing", "gpu_cloud_html/hyperstack_20240822101707.html"),
    "lambda_page": ("https://lambda.ai/pricing", "gpu_cloud_html/lambda_20241103180910.html"),
    "litellm": (
        f"{_RAW}/BerriAI/litellm/main/model_prices_and_context_window.json",
        "litellm/model_prices_2025-02-28.json.zip",
    ),
    "nebius_page": ("https://nebius.com/prices", "gpu_cloud_html/nebius_20260712235400.html"),
    "oci": (
        "https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/?currencyCode=USD",
        "oci/cetools_products_gpu_2026-10-01.json",
    ),
    "openrouter": ("https://openrouter.ai/api/v1/models", "openrouter/models_2026-08-01.json.zip"),
    "paperspace_page": ("https://www.paperspace.com/pricing", "gpu_cloud_html/paperspace_20240123092147.html"),
    "pcpartpicker": (
        f"{_RAW}/docyx/pc-part-dataset/main/data/csv/video-card.csv",
        "gpu_retail_series/pcpartpicker_video-card_2025-07-23.csv.zip",
    ),
    "runpod": ("https://api.runpod.io/graphql", "runpod/gpuTypes_graphql_2026-07.json"),
    "runpod_page": ("https://www.runpod.io/pricing", "gpu_cloud_html/runpod_20260810082317_jsonld.html"),
    "sfcompute_page": ("https://sfcompute.com/", "gpu_cloud_html/sfcompute_2026-07-15.html"),
    "tardellirs": (
        f"{_RAW}/tardellirs/gpu-pricing/main/src/data/offerings.json",
        "gpu_rental_snapshots/tardellirs_offerings_2026-05-25.json",
    ),
    "vast": ("https://console.vast.ai/api/v0/bundles/", "vast/bundles_2026-07-h100_a100.json"),
    "verda": ("https://api.datacrunch.io/v1/instance-types", "other_provider_apis/verda_instance_types.json"),
}
#: Sources whose answer is put together from several documents: each has its own test of paging, index or key.
SEVERAL = {
    "alibaba",
    "alibaba_cn",
    "aws_price_list",
    "aws_price_list_cn",
    "aws_pricing_page",
    "aws_savings_plans",
    "aws_spot",
    "azure_retail",
    "digitalocean",
    "fsdl",
    "gcp_skus",
    "gpu_retail",
    "gpuhunt",
    "linode",
    "oci_shapes",
    "scaleway",
    "simonw",
    "skypilot",
    "vultr",
}
#: What is asked by POST, which no cache answers.
POSTED = {"runpod": ("securePrice", "communityCloud"), "vast": ("rentable", "limit")}


def body_of(samples: Path, pattern: str) -> bytes:
    """A recorded answer, out of its archive; a page that is given is its own."""
    if pattern.startswith("<"):
        return pattern.encode()
    (file,) = sorted(samples.glob(pattern))[:1]
    if file.suffix != ".zip":
        return file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        return archive.read(archive.namelist()[0])


def test_every_live_price_source_is_walked() -> None:
    priced = {"cloud_rate", "token_price", "gpu_price", "exchange_rate"}
    live = {s.source_id for s in all_sources().values() if s.subject in priced and s.plan is not None}
    assert live == {*ONE_ANSWER, *SEVERAL}


@pytest.mark.parametrize("source_id", ONE_ANSWER)
def test_one_answer(source_id: str, samples: Path, replay: ReplayServer, home: Home) -> None:
    url, sample = ONE_ANSWER[source_id]
    body = body_of(samples, sample)
    replay.add(url, body, times=1, cut_at=len(body) // 2)
    replay.add(url, "busy", status=503, headers={"Retry-After": "0"}, times=1)
    replay.add(url, body, headers={"ETag": '"one"', "Content-Type": "application/octet-stream"})
    source = source_named(source_id)
    # Half an answer is none.
    with pytest.raises(FetchError, match="could not be read"):
        intake.take_live(home, source, Window(NOW))
    assert list(staging.staged(home)) == []
    (taken,) = intake.take_live(home, source, Window(NOW))
    assert taken.outcome == "loaded", taken.message
    assert taken.row_count > 1
    asked = [a for a in replay.asked if not a.url.endswith("/robots.txt")]
    assert [a.url for a in asked] == [url] * 3
    assert {a.method for a in asked} == {"POST" if source_id in POSTED else "GET"}
    assert all("petaday" in a.headers["User-Agent"].lower() for a in asked)
    for word in POSTED.get(source_id, ()):
        assert word in json.dumps(json.loads(asked[-1].body))
    # Scraped pages ask for permission first.
    assert any(a.url.endswith("/robots.txt") for a in replay.asked) == source.is_scraped
    ((_, batch),) = staging.staged(home)
    remember_answers(home, batch)
    # Asked again, the publisher says that nothing changed, or sends the same bytes.
    (again,) = intake.take_live(home, source, Window(NOW))
    assert again.outcome == "unchanged"
    assert ("If-None-Match" in replay.asked[-1].headers) == (source_id not in POSTED)
    # An error page with 200 and an empty map load nothing.
    replay.answers[url] = []
    replay.add(url, "<html><body>Just a moment...</body></html>", times=1)
    replay.add(url, "{}")
    for _ in range(2):
        (refused,) = intake.take_live(home, source, Window(NOW))
        assert refused.outcome == "rejected"
        assert refused.message
