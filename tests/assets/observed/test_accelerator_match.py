"""Which accelerator an offer has: names that look alike are told apart, and what is not known stays so."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from assets.observed.views import SQL
from assets.reference.tables import REFERENCE_TABLES, read_reference


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """The reference tables and the macro that the match needs."""
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA reference; CREATE SCHEMA observed;")
        for name in ("accelerator", "accelerator_alias", "instance_accelerator"):
            con.register("_frame", read_reference(next(t for t in REFERENCE_TABLES if t.name == name)).frame)
            con.execute(f"CREATE TABLE reference.{name} AS FROM _frame")
        con.execute((SQL / "accelerator_key.sql").read_text(encoding="utf-8"))
        yield con


def matched(
    con: duckdb.DuckDBPyConnection, name: str | None, memory_gib: float | None, provider: str, instance: str
) -> str | None:
    """The accelerator of an offer so named."""
    con.execute(
        "CREATE OR REPLACE TABLE observed.cloud_rate_log AS SELECT ? AS provider, ? AS instance_type, "
        "?::VARCHAR AS accelerator_name, ?::DOUBLE AS accelerator_memory_gib, true AS is_offered",
        [provider, instance, name, memory_gib],
    )
    ((found,),) = con.execute(
        f"SELECT accelerator_id FROM ({(SQL / 'accelerator_match.sql').read_text(encoding='utf-8')})"
    ).fetchall()
    return found


@pytest.mark.parametrize(
    ("name", "memory_gib", "accelerator"),
    [
        ("A10", 24, "nvidia-a10-24gb"),
        ("A100", 80, "nvidia-a100-80gb"),
        ("A100", 40, "nvidia-a100-40gb"),
        ("A100 80GB PCIe", None, "nvidia-a100-pcie-80gb"),
        ("A100 80GB SXM", 80, "nvidia-a100-sxm-80gb"),
        ("A100-40GB", 80, None),
        ("A100X", 80, None),
        ("A10G", 24, "nvidia-a10g-24gb"),
        ("A40 PCIe", 48, "nvidia-a40-48gb"),
        ("AMD MI300X OAM", 192, "amd-mi300x-192gb"),
        ("A100-80G", 80, "nvidia-a100-80gb"),
        ("NVIDIA B300 SXM6", 288, "nvidia-b300-sxm-288gb"),
        ("H20", 96, "nvidia-h20-sxm-96gb"),
        ("H20", 141, None),
        ("H200 NVL", 141, "nvidia-h200-nvl-141gb"),
        ("L4", 24, "nvidia-l4-24gb"),
        ("L40", 48, "nvidia-l40-48gb"),
        ("L40S", 48, "nvidia-l40s-48gb"),
        ("L20", 48, "nvidia-l20-48gb"),
        ("B200", 180, "nvidia-b200-sxm-180gb"),
        ("GB200", 186, "nvidia-gb200-186gb"),
        ("B20", None, None),
        ("B300", 288, "nvidia-b300-sxm-288gb"),
        ("GB300", 288, "nvidia-gb300-288gb"),
        ("MI300X", 192, "amd-mi300x-192gb"),
        ("MI300A", 128, "amd-mi300a-128gb"),
        ("MI355X", 288, "amd-mi355x-288gb"),
        ("V100", 16, None),
        ("V100", 32, None),
        ("RTX 6000 Ada", 48, "nvidia-rtx-6000-ada-48gb"),
        ("RTX A6000", 48, "nvidia-rtx-a6000-48gb"),
        ("RTX 6000", 24, "nvidia-quadro-rtx-6000-24gb"),
        ("RTX 6000", 48, None),
        ("RTX PRO 6000", 96, None),
        ("RTX PRO 6000 Blackwell Server Edition", 96, "nvidia-rtx-pro-6000-server-96gb"),
        ("RTX PRO 6000 WS", 96, "nvidia-rtx-pro-6000-workstation-96gb"),
        ("RTX 4090D", 24, None),
        ("RTX 3070 Ti", 8, "nvidia-rtx-3070-ti-8gb"),
        ("RTX 3060 Ti", 8, "nvidia-rtx-3060-ti-8gb"),
        ("RTX 2080 Super", 8, None),
        ("RTX 5880 Ada", 48, "nvidia-rtx-5880-ada-48gb"),
        ("H100 80GB", 80, None),
        ("A100-80G-PCIe-NVLink", 80, "nvidia-a100-pcie-80gb"),
        ("H100-80G-SXM5", 80, "nvidia-h100-sxm-80gb"),
        ("Vera Rubin", 288, None),
        ("Trainium3", None, "aws-trainium3"),
        ("TPU v7", None, "google-tpu-v7"),
        (None, None, None),
    ],
)
@pytest.mark.parametrize(
    "write", [str, str.upper, str.lower, lambda name: f"NVIDIA {name}", lambda n: n.replace(" ", "\u00a0")]
)
def test_names_that_look_alike_are_told_apart(
    con: duckdb.DuckDBPyConnection, name: str | None, memory_gib: float | None, accelerator: str | None, write: object
) -> None:
    written = None if name is None else write(name)  # type: ignore[operator]
    assert matched(con, written, memory_gib, "a new cloud", "a new type") == accelerator


@pytest.mark.parametrize(
    ("provider", "instance", "name", "memory_gib", "accelerator"),
    [
        ("vast", "1x-RTX_3090_Ti-32-65536", "RTX 3090 Ti", 24, "nvidia-rtx-3090-ti-24gb"),
        ("vast", "1x-RTX_4080S-32-65536", "RTX 4080S", 16, "nvidia-rtx-4080-super-16gb"),
        ("vast", "1x-RTX_4070S_Ti-32-65536", "RTX 4070S Ti", 16, "nvidia-rtx-4070-ti-super-16gb"),
        ("vast", "1x-RTX_4070S-32-65536", "RTX 4070S", 12, "nvidia-rtx-4070-super-12gb"),
        # The form stands in the instance type alone.
        ("shadeform", "lambdalabs_H100-sxm5x2", "H100", 80, "nvidia-h100-sxm-80gb"),
        ("shadeform", "lambdalabs_H100", "H100", 80, None),
        ("mithril", "ccs-h200.sxm.8x", "H200", 141, "nvidia-h200-sxm-141gb"),
        ("cudo", "epyc-genoa-a100-pcie_1x2v4gb", "A100", 80, "nvidia-a100-pcie-80gb"),
        ("cudo", "intel-ice-lake-a800-pci_1x2v4gb", "A800", 80, "nvidia-a800-pcie-80gb"),
        ("spheron", "n3-H100x8-NVLink__CANADA-1", "H100_NVL", 80, None),
        ("vast", "1x-RTX_4090D-32-65536", "RTX 4090D", 24, None),
        ("vast", "1x-Q_RTX_8000-32-65536", "Q RTX 8000", 48, "nvidia-quadro-rtx-8000-48gb"),
        ("vast", "1x-H100_NVL-32-65536", "H100 NVL", 93.6, "nvidia-h100-nvl-94gb"),
        ("linode", "g1-gpu-rtx6000-2", "RTX6000", None, "nvidia-quadro-rtx-6000-24gb"),
        ("linode", "g2-gpu-rtx4000a1-s", "RTX4000 Ada", None, "nvidia-rtx-4000-ada-20gb"),
        ("linode", "g3-gpu-rtxpro6000-blackwell-1", "RTX PRO 6000 Blackwell", None, "nvidia-rtx-pro-6000-server-96gb"),
        ("gcp", "A4 Nvidia B200", "Nvidia B200", None, "nvidia-b200-sxm-180gb"),
        ("gcp", "RTX 6000 96GB", "RTX 6000 96GB", 96, "nvidia-rtx-pro-6000-server-96gb"),
        ("azure", "Standard_NCC40ads_H100_v5", "H100", None, "nvidia-h100-nvl-94gb"),
        *(
            ("runpod", f"NVIDIA RTX PRO 6000 Blackwell {edition}", "RTXPRO6000", 96, f"nvidia-rtx-pro-6000-{card}-96gb")
            for edition, card in (
                ("Server Edition", "server"),
                ("Workstation Edition", "workstation"),
                ("Max-Q Workstation Edition", "max-q"),
            )
        ),
        ("aws", "p6-b300.48xlarge", None, None, "nvidia-b300-sxm-288gb"),
        ("aws", "p9.48xlarge", None, None, None),
    ],
)
def test_names_of_one_provider(
    con: duckdb.DuckDBPyConnection,
    provider: str,
    instance: str,
    name: str | None,
    memory_gib: float | None,
    accelerator: str | None,
) -> None:
    assert matched(con, name, memory_gib, provider, instance) == accelerator


@pytest.mark.parametrize(
    ("provider", "instance", "share"),
    [
        ("azure", "Standard_NC24lds_xl_RTXPRO6000BSE_v6", 0.25),
        ("azure", "Standard_NC36ds_xl_RTXPRO6000BSE_v6", 0.25),
        ("azure", "Standard_NC72lds_xl_RTXPRO6000BSE_v6", 0.5),
        ("azure", "Standard_NC144ds_xl_RTXPRO6000BSE_v6", 1),
        ("azure", "Standard_NC288ds_xl_RTXPRO6000BSE_v6", 2),
        ("azure", "Standard_NV6ads_A10_v5", 0.1667),
        ("aws", "g6f.large", 0.125),
        ("gcp", "g4-standard-12", 0.25),
    ],
)
def test_a_machine_with_a_share_of_a_card(
    con: duckdb.DuckDBPyConnection, provider: str, instance: str, share: float
) -> None:
    """Azure's list of sizes calls a quarter of a card one GPU; its price is not that of a card."""
    found = con.execute(
        "SELECT accelerator_count FROM reference.instance_accelerator WHERE provider = ? AND instance_type = ?",
        [provider, instance],
    ).fetchone()
    assert found == (share,)
