"""What several AWS sources share: names of places, and which instance types carry accelerators."""

from __future__ import annotations

import polars as pl

#: Region by the name that price files give the place; files before 2021 have no region code.
REGION_OF_LOCATION = {
    "US East (N. Virginia)": "us-east-1",
    "US East (Ohio)": "us-east-2",
    "US West (N. California)": "us-west-1",
    "US West (Oregon)": "us-west-2",
    "AWS GovCloud (US)": "us-gov-west-1",
    "AWS GovCloud (US-West)": "us-gov-west-1",
    "AWS GovCloud (US-East)": "us-gov-east-1",
    "Canada (Central)": "ca-central-1",
    "Canada West (Calgary)": "ca-west-1",
    "Mexico (Central)": "mx-central-1",
    "South America (Sao Paulo)": "sa-east-1",
    "Africa (Cape Town)": "af-south-1",
    "EU (Ireland)": "eu-west-1",
    "Europe (Ireland)": "eu-west-1",
    "EU (London)": "eu-west-2",
    "Europe (London)": "eu-west-2",
    "EU (Paris)": "eu-west-3",
    "Europe (Paris)": "eu-west-3",
    "EU (Frankfurt)": "eu-central-1",
    "Europe (Frankfurt)": "eu-central-1",
    "Europe (Zurich)": "eu-central-2",
    "EU (Stockholm)": "eu-north-1",
    "Europe (Stockholm)": "eu-north-1",
    "EU (Milan)": "eu-south-1",
    "Europe (Milan)": "eu-south-1",
    "Europe (Spain)": "eu-south-2",
    "Israel (Tel Aviv)": "il-central-1",
    "Middle East (Bahrain)": "me-south-1",
    "Middle East (UAE)": "me-central-1",
    "Asia Pacific (Hong Kong)": "ap-east-1",
    "Asia Pacific (Taipei)": "ap-east-2",
    "Asia Pacific (Mumbai)": "ap-south-1",
    "Asia Pacific (Hyderabad)": "ap-south-2",
    "Asia Pacific (Singapore)": "ap-southeast-1",
    "Asia Pacific (Sydney)": "ap-southeast-2",
    "Asia Pacific (Jakarta)": "ap-southeast-3",
    "Asia Pacific (Melbourne)": "ap-southeast-4",
    "Asia Pacific (Malaysia)": "ap-southeast-5",
    "Asia Pacific (New Zealand)": "ap-southeast-6",
    "Asia Pacific (Thailand)": "ap-southeast-7",
    "Asia Pacific (Tokyo)": "ap-northeast-1",
    "Asia Pacific (Seoul)": "ap-northeast-2",
    "Asia Pacific (Osaka)": "ap-northeast-3",
    "Asia Pacific (Osaka-Local)": "ap-northeast-3",
    "China (Beijing)": "cn-north-1",
    "China (Ningxia)": "cn-northwest-1",
}

#: Own accelerators (Trainium, Inferentia) and Gaudi: price files give them no GPU count.
OTHER_ACCELERATORS = r"^(?:trn|inf|dl)\d"
#: Families with accelerators, for feeds that say nothing but the type; f (FPGA) and vt (video) are left out, and so is
#: p1, which never was.
ACCELERATED = r"^(?:p[2-9]|g[2-9]|gr\d|trn|inf|dl)[a-z0-9-]*\."


def region_of(location: str) -> pl.Expr:
    """Region of a column with names of places; null where the name is not known."""
    return pl.col(location).replace_strict(REGION_OF_LOCATION, default=None, return_dtype=pl.String)


def gib(column: str) -> pl.Expr:
    """A memory like "1,952 GiB" as a number; null in any other unit."""
    return pl.col(column).str.replace_all(",", "").str.extract(r"^\s*([\d.]+)\s*GiB\s*$").cast(pl.Float64, strict=False)
