"""Made-up AWS price list files in the published format: 91 columns, five lines of metadata, as many rows as wanted.

The form of a row is that of recorded files: every field that is not empty is quoted, a SKU in use has its price on
demand and twenty rows of reservations (an hourly row, and an upfront fee where there is one), a capacity reservation of it
has two rows more. Products are instance types by operating system, software and tenancy; one type in 25 has GPUs.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

#: Rows of one SKU and its two capacity reservations.
ROWS_PER_SKU = 23
_GPU_TYPES = ("p5.48xlarge", "p4d.24xlarge", "g5.xlarge", "g5.12xlarge", "g6.2xlarge", "p3.8xlarge", "g4dn.xlarge")
_SYSTEMS = (
    ("Linux", "NA"),
    ("Windows", "NA"),
    ("RHEL", "NA"),
    ("SUSE", "NA"),
    ("Ubuntu Pro", "NA"),
    ("Red Hat Enterprise Linux with HA", "NA"),
    ("Windows", "SQL Web"),
    ("Windows", "SQL Std"),
    ("Windows", "SQL Ent"),
    ("Linux", "SQL Web"),
    ("Linux", "SQL Std"),
    ("Linux", "SQL Ent"),
    ("RHEL", "SQL Std"),
    ("RHEL", "SQL Ent"),
    ("RHEL", "SQL Web"),
    ("Windows", "BYOL"),
)
_METADATA = (
    '"FormatVersion","v1.0"\n"Disclaimer","This pricing list is for informational purposes only. All prices are subject '
    'to the additional terms included in the pricing pages on http://aws.amazon.com."\n"Publication Date","{published}"\n'
    '"Version","20260828225308"\n"OfferCode","AmazonEC2"\n'
)
#: Columns in the published order, with their value in SQL; a column without one is empty, as most of them are.
_COLUMNS: dict[str, str | None] = {
    "SKU": "sku",
    "OfferTermCode": "upper(substr(md5(lease || option || class), 1, 10))",
    "RateCode": "sku || '.' || upper(substr(md5(lease || option || class), 1, 10)) || '.' || upper(substr(md5(unit), 1, 10))",
    "TermType": "term",
    "PriceDescription": (
        "CASE WHEN unit = 'Quantity' THEN 'Upfront Fee' WHEN term = 'Reserved' THEN os || ' (Amazon VPC), ' || itype || "
        "' reserved instance applied' ELSE '$' || price || ' per ' || tenancy || ' ' || os || ' ' || itype || ' Instance Hour' END"
    ),
    "EffectiveDate": "'2026-08-01'",
    "StartingRange": "CASE WHEN unit = 'Hrs' THEN '0' END",
    "EndingRange": "CASE WHEN unit = 'Hrs' THEN 'Inf' END",
    "Unit": "unit",
    "PricePerUnit": "price",
    "Currency": "'USD'",
    "RelatedTo": None,
    "LeaseContractLength": "nullif(lease, '')",
    "PurchaseOption": "nullif(option, '')",
    "OfferingClass": "nullif(class, '')",
    "Product Family": "'Compute Instance'",
    "serviceCode": "'AmazonEC2'",
    "Location": "'US East (N. Virginia)'",
    "Location Type": "'AWS Region'",
    "Instance Type": "itype",
    "Current Generation": "'Yes'",
    "Instance Family": "CASE WHEN gpus IS NULL THEN 'Compute optimized' ELSE 'GPU instance' END",
    "vCPU": "vcpu::VARCHAR",
    "Physical Processor": "'Intel Xeon 8375C (Ice Lake)'",
    "Clock Speed": "'3.5 GHz'",
    "Memory": "(vcpu * 4)::VARCHAR || ' GiB'",
    "Storage": "'EBS only'",
    "Network Performance": "'Up to 12500 Megabit'",
    "Processor Architecture": "'64-bit'",
    "Storage Media": None,
    "Volume Type": None,
    "Max Volume Size": None,
    "Max IOPS/volume": None,
    "Max IOPS Burst Performance": None,
    "Max throughput/volume": None,
    "Provisioned": None,
    "Tenancy": "tenancy",
    "EBS Optimized": None,
    "Operating System": "os",
    "License Model": "CASE WHEN sw = 'BYOL' THEN 'Bring your own license' ELSE 'No License required' END",
    "Group": None,
    "Group Description": None,
    "Transfer Type": None,
    "From Location": None,
    "From Location Type": None,
    "To Location": None,
    "To Location Type": None,
    "usageType": (
        "CASE capacity WHEN 'Used' THEN if(tenancy = 'Shared', 'BoxUsage:', 'DedicatedUsage:') "
        "WHEN 'UnusedCapacityReservation' THEN 'UnusedBox:' ELSE 'Reservation:' END || itype"
    ),
    "operation": "'RunInstances:' || substr(md5(os || sw), 1, 4)",
    "AvailabilityZone": "'NA'",
    "CapacityStatus": "capacity",
    "ClassicNetworkingSupport": "'false'",
    "Dedicated EBS Throughput": "'Up to 10000 Mbps'",
    "ECU": "'NA'",
    "Elastic Graphics Type": None,
    "Enhanced Networking Supported": "'Yes'",
    "From Region Code": None,
    "GPU": "gpus",
    "GPU Memory": "'NA'",
    "Instance": None,
    **dict.fromkeys(
        f"Instance Capacity - {size}"
        for size in (
            *("10xlarge", "12xlarge", "16xlarge", "18xlarge", "24xlarge", "2xlarge", "32xlarge", "4xlarge"),
            *("8xlarge", "9xlarge", "large", "medium", "metal", "xlarge"),
        )
    ),
    "instanceSKU": "CASE WHEN capacity <> 'Used' THEN sku END",
    "Intel AVX2 Available": "'Yes'",
    "Intel AVX Available": "'Yes'",
    "Intel Turbo Available": "'Yes'",
    "MarketOption": "'OnDemand'",
    "Normalization Size Factor": "vcpu::VARCHAR",
    "Physical Cores": None,
    "Pre Installed S/W": "if(sw = 'BYOL', 'NA', sw)",
    "Processor Features": "'Intel AVX; Intel AVX2; Intel AVX512; Intel Turbo'",
    "Product Type": None,
    "Region Code": "'us-east-1'",
    "Resource Type": None,
    "serviceName": "'Amazon Elastic Compute Cloud'",
    "SnapshotArchiveFeeType": None,
    "To Region Code": None,
    "Volume API Name": None,
    "VPCNetworkingSupport": "'true'",
}
HEADER = list(_COLUMNS)


def _rows(rows: int) -> str:
    """SQL of the facts from which the columns are written, one row per price."""
    gpu_types = ", ".join(f"'{name}'" for name in _GPU_TYPES)
    systems = ", ".join(f"{{'os': '{os}', 'sw': '{sw}'}}" for os, sw in _SYSTEMS)
    return f"""
        WITH number AS (SELECT n, n // {ROWS_PER_SKU} AS p, n % {ROWS_PER_SKU} AS k FROM range({rows}) t(n)),
        product AS (
            SELECT p, k, k - 1 AS r, p // 32 AS t, [{systems}][p % 16 + 1] AS system,
                if(p // 16 % 2 = 0, 'Shared', 'Dedicated') AS tenancy,
                if(p // 32 % 25 = 0, [{gpu_types}][p // 800 % {len(_GPU_TYPES)} + 1], NULL) AS gpu_type
            FROM number)
        SELECT k, system.os AS os, system.sw AS sw, tenancy,
            coalesce(gpu_type || if(t // 175 > 0, '.v' || t // 175, ''), 'c' || t % 9 || 'i' || t // 9 || '.large') AS itype,
            if(gpu_type IS NULL, NULL, (1 + p // 32 % 8)::VARCHAR) AS gpus, 2 + 2 * (t % 95) AS vcpu,
            upper(substr(md5(p::VARCHAR), 1, 16)) AS sku,
            if(k BETWEEN 1 AND 20, 'Reserved', 'OnDemand') AS term,
            CASE k WHEN 21 THEN 'UnusedCapacityReservation' WHEN 22 THEN 'AllocatedCapacityReservation' ELSE 'Used' END AS capacity,
            if(k BETWEEN 1 AND 20, if(r % 2 = 0, '1yr', '3yr'), '') AS lease,
            if(k BETWEEN 1 AND 20, if(r // 4 = 0, 'No Upfront', if(r // 4 < 3, 'Partial Upfront', 'All Upfront')), '') AS option,
            if(k BETWEEN 1 AND 20, if(r // 2 % 2 = 0, 'standard', 'convertible'), '') AS class,
            if(k BETWEEN 1 AND 20 AND r // 4 IN (1, 3), 'Quantity', 'Hrs') AS unit,
            printf('%.10f', 0.05 + p % 4000 / 100.0 + k / 1000.0) AS price
        FROM product
    """


def write_csv(path: Path, rows: int, published: str) -> Path:
    """A region's file in CSV: 1,000,000 rows are some 700 MB."""
    values = ", ".join(f'{value or "NULL"} AS "{name}"' for name, value in _COLUMNS.items())
    body = path.with_suffix(".body")
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT {values} FROM ({_rows(rows)}) ORDER BY sku, k) TO '{body}' (FORMAT csv, HEADER, FORCE_QUOTE *)"
        ).fetchall()
    with path.open("wb") as target:
        target.write(_METADATA.format(published=published).encode())
        with body.open("rb") as source:
            while block := source.read(8 << 20):
                target.write(block)
    body.unlink()
    return path


#: Attributes of a product in JSON by column of the CSV; those that are empty are left out, as published.
_ATTRIBUTES = {
    "Location": "location",
    "Location Type": "locationType",
    "Instance Type": "instanceType",
    "Current Generation": "currentGeneration",
    "Instance Family": "instanceFamily",
    "vCPU": "vcpu",
    "Physical Processor": "physicalProcessor",
    "Clock Speed": "clockSpeed",
    "Memory": "memory",
    "Storage": "storage",
    "Network Performance": "networkPerformance",
    "Processor Architecture": "processorArchitecture",
    "Tenancy": "tenancy",
    "Operating System": "operatingSystem",
    "License Model": "licenseModel",
    "usageType": "usagetype",
    "operation": "operation",
    "CapacityStatus": "capacitystatus",
    "GPU": "gpu",
    "GPU Memory": "gpuMemory",
    "MarketOption": "marketoption",
    "Normalization Size Factor": "normalizationSizeFactor",
    "Pre Installed S/W": "preInstalledSw",
    "Processor Features": "processorFeatures",
    "Region Code": "regionCode",
    "serviceName": "servicename",
}


def write_json(path: Path, rows: int, published: str) -> Path:
    """The same offers as a JSON offer file, indented as published: 200,000 prices are some 200 MB."""
    columns = ", ".join(f'{value or "NULL"} AS "{name}"' for name, value in _COLUMNS.items())
    products: dict[str, dict] = {}
    terms: dict[str, dict] = {"OnDemand": {}, "Reserved": {}}
    with duckdb.connect() as con:
        found = con.execute(f"SELECT {columns}, capacity FROM ({_rows(rows)}) ORDER BY sku, k")
        while some := found.fetchmany(10_000):
            for values in some:
                row = dict(zip(HEADER, values, strict=False))
                if row["CapacityStatus"] != "Used":
                    row["SKU"] = row["SKU"][:-1] + row["CapacityStatus"][0]
                sku, code = row["SKU"], f"{row['SKU']}.{row['OfferTermCode']}"
                attributes = {name: row[column] for column, name in _ATTRIBUTES.items() if row[column]}
                products[sku] = {"sku": sku, "productFamily": row["Product Family"], "attributes": attributes}
                lease = {name: row[name] for name in ("LeaseContractLength", "OfferingClass", "PurchaseOption")}
                term = (
                    terms[row["TermType"]]
                    .setdefault(sku, {})
                    .setdefault(
                        code,
                        {
                            "offerTermCode": row["OfferTermCode"],
                            "sku": sku,
                            "effectiveDate": "2026-08-01T00:00:00Z",
                            "priceDimensions": {},
                            "termAttributes": lease if row["TermType"] == "Reserved" else {},
                        },
                    )
                )
                term["priceDimensions"][row["RateCode"]] = {
                    "unit": row["Unit"],
                    "endRange": "Inf",
                    "description": row["PriceDescription"],
                    "appliesTo": [],
                    "rateCode": row["RateCode"],
                    "beginRange": "0",
                    "pricePerUnit": {"USD": row["PricePerUnit"]},
                }
    offer = {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": "AmazonEC2",
        "version": "20260828225308",
        "publicationDate": published,
        "products": products,
        "terms": terms,
        "attributesList": {},
    }
    with path.open("w", encoding="utf-8") as target:
        json.dump(offer, target, indent=2, separators=(",", " : "))
    return path
