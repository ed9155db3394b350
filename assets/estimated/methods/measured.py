"""What was measured on one accelerator, on another: the accelerators that a statement names, and by how much a service is faster there.

A service is as many times faster as the roofline of `serving` is on the two accelerators, all else the same. Of 314 pairs of cards of
NVIDIA's tables (one model, format, prompt, answer and number of cards) the measured ratio lies between 0.7 and 1.45 of the one modelled by
serving-6 (p5, p95): of mixtures of experts between 0.6 and 1.7. By serving-5 it lay between 0.6 and 1.7, of mixtures 0.55 and 1.85. Of four pairs of the ML.ENERGY leaderboard (golden
table 13; H100 and B200) and of H200 against H100 in MLPerf v4.0 it is 0.86 to 1.16; the bandwidth of the memory alone is off by half.
`tests/assets/estimated/test_serving.py` prints them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import duckdb

from assets.estimated.engine import UNPRICED, estimate_statements
from assets.estimated.method import Factor, Method, Result, Statement
from assets.estimated.scenario_files.fields import Band, ScenarioError
from assets.estimated.scenario_files.training import Scenario
from assets.estimated.training_lookup import look_up

#: Version of the roofline -> its error on one card against another (p5, centre, p95).
_ERROR = {"serving-4": Band(0.8, 1, 1.25), "serving-5": Band(0.55, 1, 1.75), "serving-6": Band(0.6, 1, 1.65)}
#: No pair of prefills is published: the share of the peak that one reaches may be that of the low or of the high end on either card.
_PREFILL_ERROR = Band(0.5, 1, 2)
#: Factor -> quantity of [serving] that it is the ratio of, and the error if it is not that of the roofline.
_RATIOS: Mapping[str, tuple[str, Band | None]] = {
    "throughput_ratio": ("tokens_per_s", None),
    "latency_ratio": ("inter_token_latency_s", None),
    "prefill_ratio": ("first_token_latency_s", _PREFILL_ERROR),
}
#: Power goes with the board power within this: of the same four pairs 0.92 to 1.48 of it, whichever of the two is known.
_POWER_ERROR = Band(1 / 1.5, 1, 1.5)
_SAME = ("parameters_count", "active_parameters_count", "bytes_per_parameter", "batch_count", "prompt_tokens_count", "output_tokens_count", "replica_count")  # fmt: skip

#: Numbers of a service from which its ratios are derived.
READ = (*_SAME, "accelerator_count", "measured_accelerator_count")


def measured_on(con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], runs: str) -> dict[str, str]:
    """The accelerators that statements name as measured_accelerator, by scenario.

    Args:
        con: the warehouse.
        statements: those that name one.
        runs: what runs on their accelerator, for the message.

    Raises:
        ScenarioError: one line per accelerator that is not known, or where the one that it runs on is not given.
    """
    if not statements:
        return {}
    if any("accelerator" not in s.texts for s in statements):
        raise ScenarioError([f"measured_accelerator: given alone; give accelerator too, on which the {runs} runs"])
    asked = [Scenario(s.scenario_id, UNPRICED, accelerator=s.texts["measured_accelerator"]) for s in statements]
    try:
        found = look_up(con, asked, dt.datetime.now(dt.UTC))[1]
    except ScenarioError as error:
        raise ScenarioError([p.replace("accelerator:", "measured_accelerator:", 1) for p in error.problems]) from None
    return dict(found.select("scenario_id", "accelerator_id").iter_rows())


def service_of_another_card(
    con: duckdb.DuckDBPyConnection,
    statements: Sequence[Statement],
    keys: Mapping[str, Mapping[str, str | None]],
    served: Method,
) -> list[Factor]:
    """By how much the throughput, latencies and power of a service differ from where they were measured.

    Args:
        con: the warehouse.
        statements: services, of which those that name another accelerator are looked at.
        keys: what each statement's names were found to be.
        served: the version of [serving] whose roofline it is.

    Raises:
        ScenarioError: one line per accelerator that is not known, or that the roofline says nothing of.
    """
    named = [s for s in statements if "measured_accelerator" in s.texts]
    there = measured_on(con, named, "service")
    here = {s.scenario_id: str(keys[s.scenario_id]["accelerator_id"]) for s in named}
    moved = [
        s for s in named if there[s.scenario_id] != here[s.scenario_id] or "measured_accelerator_count" in s.numbers
    ]
    if not moved:
        return []
    modelled = estimate_statements(
        con,
        [
            _served(s, side, accelerator, _group(s, count), served)
            for s in moved
            for side, accelerator, count in (
                ("here", here[s.scenario_id], "accelerator_count"),
                ("there", there[s.scenario_id], "measured_accelerator_count"),
            )
        ],
    )
    power = dict(con.execute("SELECT accelerator_id, tdp_w::DOUBLE FROM reference.accelerator").fetchall())
    found: list[Factor] = []
    for s, of_here, of_there in zip(moved, modelled[::2], modelled[1::2], strict=True):
        cards = f"{here[s.scenario_id]} against {there[s.scenario_id]}"
        for factor, (quantity, error) in _RATIOS.items():
            if factor not in s.numbers:
                ratio = _of(s, of_here, quantity) / _of(s, of_there, quantity)
                found.append(
                    _factor(
                        s, factor, ratio, error or _ERROR[served.version], f"{served.version}: {quantity} on {cards}"
                    )
                )
        if "power_ratio" not in s.numbers and "power_w" in s.numbers:
            one, other = power[here[s.scenario_id]], power[there[s.scenario_id]]
            if not one or not other:
                raise ScenarioError(
                    [f"power_ratio: tdp_w of {cards.replace(' against ', ' or ')} is not known; give power_ratio"]
                )
            cards_count = s.numbers.get("accelerator_count"), s.numbers.get("measured_accelerator_count")
            times = cards_count[0].central / cards_count[1].central if cards_count[0] and cards_count[1] else 1
            found.append(
                _factor(s, "power_ratio", one / other * times, _POWER_ERROR, f"reference.accelerator: tdp_w of {cards}")
            )
    return found


def _group(s: Statement, count: str) -> Band | None:
    """Accelerators of one copy; as many there as here unless that is stated."""
    stated = s.numbers.get(count) or s.numbers.get("accelerator_count")
    if stated is None:
        return None
    copies = s.numbers.get("replica_count", Band(1, 1, 1)).central
    group = stated.central / copies
    if group != int(group) or group > 4_096:
        raise ScenarioError(
            [
                f"replica_count: {copies:g} copies on {stated.central:g} accelerators; give replica_count, so that each has a whole number of at most 4096"
            ]
        )
    return Band(group, group, group)


def _served(s: Statement, side: str, accelerator: str, group: Band | None, served: Method) -> Statement:
    numbers = {name: s.numbers[name] for name in _SAME if name in s.numbers} | {"usd_per_gpu_hour": Band(1, 1, 1)}
    texts = {name: s.texts[name] for name in ("model", "number_format") if name in s.texts}
    return Statement(
        f"{s.scenario_id} {side}",
        served,
        numbers | ({"accelerator_count": group} if group else {}),
        texts | {"accelerator": accelerator},
    )


def _of(s: Statement, modelled: Result, quantity: str) -> float:
    # Where the number of cards is not stated, one card is compared.
    name = "tokens_per_s_per_gpu" if quantity == "tokens_per_s" and "accelerator_count" not in s.numbers else quantity
    found = modelled.quantities[name]
    if found["central"] is None:
        on = modelled.statement.texts["accelerator"]
        raise ScenarioError([f"measured_accelerator: how fast the service is on {on} is not known: {found['reason']}"])
    return float(found["central"])


def _factor(s: Statement, name: str, ratio: float, error: Band, ref: str) -> Factor:
    return Factor(s.scenario_id, name, ratio * error.low, ratio, ratio * error.high, "derived", ref)
