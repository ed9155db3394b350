"""Grid carbon by hour, day, month and year, and over the spans that decisions take: as views on today's knowledge and as macros on an earlier one."""

from __future__ import annotations

from importlib import resources

from assets.estimated.indices.grid_slices import GRID_DAYS
from warehouse.instants import FOREVER
from warehouse.log.views import instant

_KNOWN_AT = f"({instant('known_at')})"
#: Slots that are too long for a period to be computed from them.
_TOO_LONG = {"hour": ("P1D", "P1M", "P1Y"), "day": ("P1M", "P1Y"), "month": ("P1Y",), "year": ()}


def _read(name: str) -> str:
    return resources.files("assets.estimated.indices").joinpath(name).read_text(encoding="utf-8").strip()


def _days_known() -> str:
    """The macro of sums by day that days, months and years are put together from."""
    method_version = f"'{GRID_DAYS.method_version}'"
    select = _read("grid_day_known.sql").format(
        known_at=_KNOWN_AT,
        table=GRID_DAYS.table.full_name,
        fingerprint=GRID_DAYS.fingerprint,
        method_version=method_version,
        anew=GRID_DAYS.rule("touched", f"l.recorded_at <= {_KNOWN_AT}", method_version),
        slots=f"grid_carbon_known(known_at := {_KNOWN_AT})",
    )
    return f"CREATE OR REPLACE MACRO _grid_day_known(known_at := {FOREVER}) AS TABLE {select}"


def scripts() -> list[str]:
    """SQL of `observed.grid_carbon_hour`, `_day`, `_month`, `_year` and `_span`, and of the macros of the same names with `_known`."""
    found = [
        _days_known(),
        "COMMENT ON MACRO TABLE _grid_day_known IS 'Sums of grid carbon by day, as this warehouse knew them at known_at.'",
    ]
    for period, resolutions in _TOO_LONG.items():
        fitting = " AND ".join(f"resolution <> '{r}'" for r in resolutions) or "true"
        # An hour may need several slots, and no sum is kept of it.
        file, source = (
            ("grid_hour.sql", "grid_carbon_known") if period == "hour" else ("grid_period.sql", "_grid_day_known")
        )
        name, template = f"grid_carbon_{period}", _read(file)
        today = template.format(period=period, fitting=fitting, source=f"{source}()")
        known = template.format(period=period, fitting=fitting, source=f"{source}(known_at := {_KNOWN_AT})")
        found += [
            f"CREATE OR REPLACE VIEW observed.{name} AS {today}",
            f"COMMENT ON VIEW observed.{name} IS 'Carbon intensity by zone and {period} (UTC): the plain mean of the slots there are, not "
            f"weighted by load; covered_share says how much of the {period} they cover.'",
            f"CREATE OR REPLACE MACRO {name}_known(known_at := {FOREVER}) AS TABLE {known}",
            f"COMMENT ON MACRO TABLE {name}_known IS 'observed.{name} as this warehouse knew it at known_at.'",
        ]
    span = _read("grid_span.sql")
    return [
        *found,
        f"CREATE OR REPLACE VIEW observed.grid_carbon_span AS {span.format(source='_grid_day_known()')}",
        "COMMENT ON VIEW observed.grid_carbon_span IS 'Carbon intensity by zone over the spans that stand for a place in a decision (siting, "
        "esg_report, east_west, why_moved, estimates without a start): months, and years of twelve months in a row, that measured slots cover by nine "
        "tenths, else measured and estimated ones of one source together (basis_kind, estimated_share). Slots of several lengths, none above an hour, count "
        "together where a publisher went over from one to another (resolution mixed).'",
        f"CREATE OR REPLACE MACRO grid_carbon_span_known(known_at := {FOREVER}) AS TABLE "
        f"{span.format(source=f'_grid_day_known(known_at := {_KNOWN_AT})')}",
        "COMMENT ON MACRO TABLE grid_carbon_span_known IS 'observed.grid_carbon_span as this warehouse knew it at known_at.'",
    ]
