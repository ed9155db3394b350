"""SkyPilot catalog: real files of four clouds, and what it must survive."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assets.sources._base import LayoutError
from tests.assets.sources.reading import read_body, read_files

HEADER = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice\n"


def test_lambda_rates_are_per_instance(samples: Path) -> None:
    """gpu_8x_h100_sxm5 at 27.92 or so is eight GPUs, not one."""
    scopes, rejected = read_files("skypilot", samples / "skypilot_catalog/lambda_vms_2026-04-02.csv")
    rows = scopes["lambda"].filter(pl.col("instance_type").str.contains("8x_h100"))
    assert rows.height and set(rows["accelerator_count"]) == {8.0}
    assert rows["price_amount_per_hour"].min() > 15
    assert rejected.is_empty()


def test_gcp_host_and_accelerator_are_added(samples: Path) -> None:
    """An A2 host row alone is no price of a machine with a GPU, nor is the accelerator row."""
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/gcp_vms_2026-04-02.csv.zip")
    rows = scopes["gcp"].filter(
        (pl.col("instance_type") == "a2-highgpu-1g")
        & (pl.col("region") == "us-central1")
        & (pl.col("purchase_option") == "on_demand")
    )
    assert rows["price_amount_per_hour"].to_list() == pytest.approx([3.673385], abs=0.01)
    alone = scopes["gcp"].filter(pl.col("price_component") == "accelerator")
    assert not set(alone["instance_type"]) & set(rows["instance_type"])


def test_two_cards_of_40_gb_at_vast_are_none_of_80(samples: Path) -> None:
    """81,920 MiB are one A100 of 80 GB, and two of 40 GB; the list has both, and two of 80 GB."""
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/vast_vms_2026-04-29.csv")
    rows = scopes["vast"].filter(pl.col("accelerator_name").str.starts_with("A100"))
    assert sorted(rows.select("instance_type", "region", "accelerator_memory_gib").rows()) == [
        ("1x-A100_SXM4-32-65536", "Czechia, CZ, EU", 80.0),
        ("1x-A100_SXM4-32-65536", "Georgia, US, NA", 40.0),
        ("2x-A100_PCIE-32-65536", "South Korea, KR, AS", 40.0),
        ("2x-A100_SXM4-32-65536", "Germany, DE, EU", 40.0),
        ("2x-A100_SXM4-32-65536", "Montana, US, NA", 80.0),
    ]


def test_vast_spot_of_zero_is_no_offer(samples: Path) -> None:
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/vast_vms_2026-04-29.csv")
    assert set(scopes["vast"]["purchase_option"]) == {"on_demand"}
    assert scopes["vast"].filter(pl.col("accelerator_name") == "RTX 5090")["accelerator_memory_gib"].unique().round(
        1
    ).to_list() == [31.8]


def test_azure_rows_that_overhang_are_kept(samples: Path) -> None:
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/azure_vms_2026-04-02.csv.zip")
    assert scopes["azure"].height > 1500


@pytest.mark.parametrize(
    ("price", "word"), [("-1", "zero or negative"), ("0", "zero or negative"), ("1e9", "in bounds")]
)
def test_absurd_prices_are_refused(price: str, word: str, tmp_path: Path) -> None:
    body = HEADER + f"a,H100,1,1,1,{price},r,,\nb,H100,1,1,1,2.5,r,,\n"
    scopes, rejected = read_body("skypilot", body, tmp_path, "lambda_vms.csv")
    assert scopes["lambda"]["instance_type"].to_list() == ["b"]
    assert word in rejected["reason"][0]


def test_a_renamed_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="Price is missing"):
        read_body("skypilot", HEADER.replace(",Price", ",Cost") + "a,H100,1,1,1,2,r,,\n", tmp_path, "lambda_vms.csv")


@pytest.mark.parametrize("day", ["2026-04-02", "2026-04-27", "2026-05-20"])
def test_gcp_prices_under_a_commitment_are_no_list_prices(samples: Path, day: str) -> None:
    """H100 stands at 4.2008 in seven regions and at 9.80 to 12.74 in the others; A100 80GB below its spot price."""
    scopes, rejected = read_files("skypilot", samples / f"skypilot_catalog/gcp_vms_{day}.csv.zip")
    on_demand = (
        scopes["gcp"]
        .filter(pl.col("purchase_option") == "on_demand")
        .with_columns((pl.col("price_amount_per_hour") / pl.col("accelerator_count")).alias("rate"))
    )
    span = (
        on_demand.filter(pl.col("price_component") == "accelerator")
        .group_by("accelerator_name")
        .agg((pl.col("rate").min() / pl.col("rate").max()).alias("share"))
    )
    assert span["share"].min() > 0.55
    a3 = on_demand.filter(pl.col("instance_type") == "a3-highgpu-8g")["price_amount_per_hour"]
    assert a3.min() == pytest.approx(87.83, abs=1)
    assert rejected["reason"].str.contains("commitment").any()


def test_gcp_machines_by_the_slice_are_spot_only(samples: Path) -> None:
    """A4 hosts stand at 0.0, and B200 at 8.06 and 11.28, where Google lists 16.11; its spot price covers the host."""
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/gcp_vms_2026-04-02.csv.zip")
    b200 = scopes["gcp"].filter(pl.col("accelerator_name") == "B200")
    assert set(b200.select("price_component", "purchase_option").rows()) == {
        ("accelerator", "spot"),
        ("instance", "spot"),
    }
    a4 = b200.filter((pl.col("instance_type") == "a4-highgpu-8g") & (pl.col("region") == "us-central1"))
    assert a4["price_amount_per_hour"].to_list() == pytest.approx([8 * 4.0758])


def test_a_gcp_spot_price_of_zero_makes_no_sum(samples: Path) -> None:
    """H100-MEGA stands at a spot price of 0.0 in three regions: a host alone is no spot price of the machine."""
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/gcp_vms_2026-04-02.csv.zip")
    spot = scopes["gcp"].filter((pl.col("accelerator_name") == "H100-MEGA") & (pl.col("purchase_option") == "spot"))
    assert spot["region"].n_unique() == 11
    assert (spot["price_amount_per_hour"] / spot["accelerator_count"]).min() > 1.5


def test_vast_cards_are_named_as_the_market_names_them(samples: Path) -> None:
    """The catalog calls an RTX 4060 Ti, a 4070 Super Ti and an A100 of either form by half of their names."""
    scopes, _ = read_files("skypilot", samples / "skypilot_catalog/vast_vms_2026-04-29.csv")
    names = dict(scopes["vast"].select("instance_type", "accelerator_name").rows())
    assert names["4x-RTX_4060_Ti-32-65536"] == "RTX 4060 Ti"
    assert names["4x-RTX_4070S_Ti-32-65536"] == "RTX 4070S Ti"
    assert names["2x-A100_PCIE-32-65536"] == "A100 PCIE"
    assert names["1x-H100_NVL-32-65536"] == "H100 NVL"
    assert all(name.replace(" ", "_") in kind for kind, name in names.items())


def test_gcp_machines_named_by_their_processors_get_their_accelerators(tmp_path: Path) -> None:
    """G2 and G4: a g4-standard-96 has two GPUs; its smaller sizes have a part of one, which no accelerator row prices."""
    header = HEADER.replace("Region,", "Region,AvailabilityZone,")
    hosts = "".join(
        f"{kind},,,{cpus},180,{price},us-east1,us-east1-b,,0.5\n"
        for kind, cpus, price in (("g2-standard-24", 24, 1.0), ("g4-standard-96", 96, 3.0), ("g4-standard-12", 12, 0.4))
    )
    cards = ",L4,2,,,1.12,us-east1,us-east1-b,,0.4\n,RTXPRO6000,2,,,6.0,us-east1,us-east1-b,,2.5\n"
    scopes, _ = read_body("skypilot", header + hosts + cards, tmp_path, "gcp_vms.csv")
    whole = scopes["gcp"].filter((pl.col("price_component") == "instance") & (pl.col("purchase_option") == "on_demand"))
    found = whole.select("instance_type", "accelerator_count", "price_amount_per_hour").rows()
    assert sorted(found) == [("g2-standard-24", 2.0, pytest.approx(2.12)), ("g4-standard-96", 2.0, pytest.approx(9.0))]


@pytest.mark.parametrize(
    ("cloud", "instance", "name", "count", "info", "expected"),
    [
        # A Python repr, in MiB of one card, and the same as JSON.
        ("nebius", "a", "H200", 8, "{'MemoryInfo': {'SizeInMiB': 144384}}], 'TotalGpuMemoryInMiB': 1155072}", 141),
        ("verda", "a", "V100", 2, '{"MemoryInfo": {"SizeInMiB": 16384}}], "TotalGpuMemoryInMiB": 32768}', 16),
        ("spheron", "a", "L40S", 2, '{"MemoryInfo":{"SizeInMiB":49152},"TotalGpuMemoryInMiB":98304}]}', 48),
        # GiB by the name of MiB.
        ("shadeform", "a", "A6000", 4, "{'MemoryInfo': {'SizeInMiB': 48}, 'TotalGpuMemoryInMiB': 192}]}", 48),
        ("runpod", "a", "A100-80GB", 1, "{'MemoryInfo': {'SizeInMiB': 80}}], 'TotalGpuMemoryInMiB': 80}", 80),
        # Of all cards in both places; Lambda writes one card's so.
        ("vast", "2x-H200-32-65536", "H200", 2, "{'SizeInMiB': 287542}}], 'TotalGpuMemoryInMiB': 287542}", 140.4),
        ("lambda", "a", "V100", 8, "{'SizeInMiB': 16384}}], 'TotalGpuMemoryInMiB': 16384}", 16),
        # Of all cards, and eight times that: the type tells it of one.
        (
            "primeintellect",
            "x__8xA100_80GB__9__9",
            "A100",
            8,
            '{"SizeInMiB":655360}}],"TotalGpuMemoryInMiB":5242880}',
            80,
        ),
        ("primeintellect", "x__8xH100__9__9", "H100", 8, '{"SizeInMiB":655360}}],"TotalGpuMemoryInMiB":5242880}', None),
        # In small letters.
        ("do", "a", "H100", 1, "{'memoryinfo': {'sizeinmib': 81559}}], 'totalgpumemoryinmib': 81559}", 79.6),
        # Not known.
        ("seeweb", "a", "RTX PRO 6000", 1, "{'MemoryInfo': {'SizeInMiB': 0}}], 'TotalGpuMemoryInMiB': 0}", None),
        ("scp", "a", "V100", 1, "V100", None),
    ],
)
def test_memory_is_of_one_accelerator_whatever_the_cloud_means(
    cloud: str, instance: str, name: str, count: int, info: str, expected: float | None, tmp_path: Path
) -> None:
    quoted = info.replace('"', '""')
    body = HEADER + f'{instance},{name},{count},8,64,20,,"{quoted}",\n'
    scopes, rejected = read_body("skypilot", body, tmp_path, f"{cloud}_vms.csv")
    (row,) = scopes[cloud].to_dicts()
    assert rejected.is_empty()
    assert row["accelerator_memory_gib"] == (None if expected is None else pytest.approx(expected, abs=0.1))
    assert (row["region"], row["accelerator_count"], row["price_amount_per_hour"]) == ("unknown", count, 20.0)


@pytest.mark.parametrize("cloud", ["runpod", "hyperbolic"])
def test_the_form_of_a_card_is_read_where_it_is_told(cloud: str, tmp_path: Path) -> None:
    info = "{'Gpus': [{'Name': 'A100 PCIe', 'Count': 1, 'MemoryInfo': {'SizeInMiB': 80}}], 'TotalGpuMemoryInMiB': 80}"
    body = HEADER + f'a,A100-80GB,1,8,64,2,US,"{info}",\nb,A100-80GB,1,8,64,2,US,,\nc,,,8,64,2,US,,\n'
    scopes, _ = read_body("skypilot", body, tmp_path, f"{cloud}_vms.csv")
    assert scopes[cloud]["accelerator_name"].to_list() == ["A100 PCIe", "A100-80GB"]


@pytest.mark.parametrize(
    ("name", "cloud", "provider"),
    [
        ("daytona_vms_2026-11-01.csv", "daytona", "daytona"),
        ("do_vms.csv", "do", "digitalocean"),
        ("prime-two_vms.csv", "prime-two", "prime-two"),
    ],
)
def test_a_cloud_that_came_later_is_named_by_its_file(name: str, cloud: str, provider: str, tmp_path: Path) -> None:
    scopes, _ = read_body("skypilot", HEADER + "1x-B300,B300,1,8,100,9,earth,,\n", tmp_path, name)
    assert scopes[cloud]["provider"].to_list() == [provider]


def test_a_file_that_names_no_cloud_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="name the file <cloud>_vms.csv"):
        read_body("skypilot", HEADER + "1x-B300,B300,1,8,100,9,earth,,\n", tmp_path, "prices.csv")


def _info(memory_mib: int, total_mib: int) -> str:
    return f"\"{{'MemoryInfo': {{'SizeInMiB': {memory_mib}}}}}], 'TotalGpuMemoryInMiB': {total_mib}}}\""


def test_a_total_that_is_of_one_card_does_not_halve_it(tmp_path: Path) -> None:
    """SimplePod writes one card's memory as the total of two as well: a machine with one card tells."""
    rows = f"a,RTX3090,1,12,32,0.2,EE,{_info(24576, 24576)},\nb,RTX3090,2,24,64,0.4,EE,{_info(24576, 24576)},\n"
    scopes, _ = read_body("skypilot", HEADER + rows, tmp_path, "simplepod_vms.csv")
    assert scopes["simplepod"]["accelerator_memory_gib"].to_list() == [24.0, 24.0]


def test_memory_of_a_host_is_not_its_cards(tmp_path: Path) -> None:
    """Nebius once: an H100 with 200 GiB."""
    rows = f"a,H100,1,16,200,2.9,eu,{_info(204800, 204800)},\nb,H200,8,128,1600,28,eu,{_info(144384, 1155072)},\n"
    scopes, _ = read_body("skypilot", HEADER + rows, tmp_path, "nebius_vms.csv")
    assert scopes["nebius"]["accelerator_memory_gib"].to_list() == [None, 141.0]


def test_the_lowest_bids_of_an_auction_are_no_prices(tmp_path: Path) -> None:
    """Mithril: H200 at 1.00 on demand and on spot. One offer of several that costs the same on spot is none."""
    rows = "a,H200,1,20,200,1.0,us,,1.0\nb,H100,8,168,1814,8.0,us,,8.0\n"
    scopes, rejected = read_body("skypilot", HEADER + rows, tmp_path, "mithril_vms.csv")
    assert scopes["mithril"].is_empty()
    assert rejected["reason"].str.contains("lowest bid").all() and rejected.height == 4
    scopes, rejected = read_body("skypilot", HEADER + rows + "c,B200,1,1,1,5,us,,2\n", tmp_path, "mithril_vms.csv")
    assert (scopes["mithril"].height, rejected.height) == (6, 0)


def test_scaleway_is_priced_in_euros(tmp_path: Path) -> None:
    scopes, _ = read_body("skypilot", HEADER + "L4-1-24G,L4,1,8,48,0.75,fr-par,,\n", tmp_path, "scaleway_vms.csv")
    assert scopes["scaleway"].select("currency_code", "price_amount_per_hour").rows() == [("EUR", 0.75)]


def test_a_cloud_without_a_spot_market_may_lack_the_column(tmp_path: Path) -> None:
    header = HEADER.replace(",SpotPrice", "")
    scopes, rejected = read_body("skypilot", header + "a,L4,1,8,48,0.75,eu,\n", tmp_path, "simplepod_vms.csv")
    assert scopes["simplepod"]["purchase_option"].to_list() == ["on_demand"] and rejected.is_empty()
    with pytest.raises(LayoutError, match="SpotPrice is missing"):
        read_body(
            "skypilot", header.replace("GpuInfo", "Spot_price") + "a,L4,1,8,48,0.75,eu,1\n", tmp_path, "x_vms.csv"
        )


def test_a_spot_price_of_nines_is_no_spot_market(tmp_path: Path) -> None:
    """As Prime Intellect's file once said it of every machine: the on-demand prices beside it hold."""
    rows = "".join(f"lambdalabs__{n}xA100_80GB__9__9,A100,{n}.0,9,9,{1.79 * n},UNSPECIFIED,,99999999\n" for n in (1, 8))
    scopes, rejected = read_body("skypilot", HEADER + rows, tmp_path, "primeintellect_vms.csv")
    found = scopes["primeintellect"].select("region", "purchase_option", "price_amount_per_hour").rows()
    assert found == [("unknown", "on_demand", 1.79), ("unknown", "on_demand", 14.32)]
    assert rejected.is_empty()


def test_memory_in_a_name_counts_where_nothing_else_tells_it(tmp_path: Path) -> None:
    """As Shadeform's cards were listed in 2025: without any memory in `GpuInfo`."""
    info = "\"{'Gpus': [{'Name': 'A100-80G', 'Count': 8.0}]}\""
    rows = f"a_A100-80Gx8,A100-80G,8.0,96,960,13.2,x,{info},\nb_A6000,A6000,1.0,6,48,0.49,x,,\n"
    scopes, _ = read_body("skypilot", HEADER + rows, tmp_path, "shadeform_vms.csv")
    assert scopes["shadeform"]["accelerator_memory_gib"].to_list() == [80.0, None]
