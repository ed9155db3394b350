"""Reference tables: what each CSV file in this folder holds, declared once, and how it is read."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dataframely as dy
import polars as pl

from assets.columns import day, flag, number, text
from assets.estimated.tables import METHOD_DEFAULT
from assets.sources._fuel_mix import factors
from warehouse.errors import PetadayError
from warehouse.tables import Table

FOLDER = Path(__file__).parent

_SOURCE_URL = text("Where the fact stands.", nullable=False)
_CHECKED_ON = day("When the page was read; empty where the fact was typed from general knowledge and awaits a check.")
_NOTE = text("What a reader should know of the row.")


class Accelerator(dy.Schema):
    """One row per accelerator model."""

    accelerator_id = text("Key: vendor-model-form-memory.", key=True)
    vendor = text("Who makes it.", nullable=False)
    name = text("Name of the product.", nullable=False)
    family = text("Architecture, as its vendor names it: Hopper, CDNA 3, …")
    form_factor = text("SXM, PCIe, NVL, OAM, …")
    memory_gib = number("Memory, as marketed.", "GiB", min_exclusive=0, max=2048)
    memory_bandwidth_gb_per_s = number("Peak memory bandwidth.", "GB/s", min_exclusive=0, max=100_000)
    fp64_dense_flop_per_s = number("Peak FP64 (vector).", "FLOP/s", min_exclusive=0, max=1e16)
    fp32_dense_flop_per_s = number("Peak FP32 (vector).", "FLOP/s", min_exclusive=0, max=1e16)
    tf32_dense_flop_per_s = number("Peak TF32, dense.", "FLOP/s", min_exclusive=0, max=1e17)
    fp16_dense_flop_per_s = number("Peak FP16/BF16 matrix, dense.", "FLOP/s", min_exclusive=0, max=1e17)
    fp8_dense_flop_per_s = number("Peak FP8 matrix, dense.", "FLOP/s", min_exclusive=0, max=1e17)
    fp4_dense_flop_per_s = number("Peak FP4 matrix, dense.", "FLOP/s", min_exclusive=0, max=1e17)
    int8_dense_op_per_s = number("Peak INT8 matrix, dense.", "op/s", min_exclusive=0, max=1e17)
    interconnect_gb_per_s = number("Link to other accelerators, both directions.", "GB/s", min_exclusive=0)
    tdp_w = number("Thermal design power.", "W", min_exclusive=0, max=5_000)
    launched_on = day("When it was launched.")
    launch_price_usd = number("List price at launch.", "USD", min_exclusive=0, max=500_000)
    launch_price_source_url = text("Where the launch price stands.")
    is_datacenter = flag("True if it is sold for data centres.")
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE

    @dy.rule()
    def dense_beside_dense(cls) -> pl.Expr:
        """Each halving of the format doubles NVIDIA's matrix peak: another ratio is a sparse figure among dense ones."""
        ratios = (
            pl.col("fp16_dense_flop_per_s") / pl.col("tf32_dense_flop_per_s"),
            pl.col("fp8_dense_flop_per_s") / pl.col("fp16_dense_flop_per_s"),
        )
        return (pl.col("vendor").str.to_lowercase() != "nvidia") | pl.all_horizontal(
            r.is_between(1.9, 2.1).fill_null(value=True) for r in ratios
        )


class AcceleratorAlias(dy.Schema):
    """How publishers write an accelerator's name."""

    alias = text("Name as written; matched without case and punctuation.", nullable=False)
    memory_gib = number("Memory that the offer must state (within 8%); any if empty.", "GiB", min_exclusive=0)
    provider = text("Provider that the row holds for; any if empty.")
    instance_pattern = text("Regular expression on the instance type; any if empty.")
    accelerator_id = text("Accelerator; see reference.accelerator.", nullable=False)
    note = _NOTE


class InstanceAccelerator(dy.Schema):
    """What accelerators an instance type has, by its provider's documentation."""

    provider = text("Cloud provider.", key=True)
    instance_type = text("Instance type.", key=True)
    accelerator_id = text("Accelerator; see reference.accelerator.", nullable=False)
    accelerator_count = number(
        "Accelerators in the instance; a fraction for a slice.", "1", nullable=False, min_exclusive=0, max=20_000
    )
    accelerator_memory_gib = number("Memory of one accelerator.", "GiB", min_exclusive=0)
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON


class Model(dy.Schema):
    """One row per language model that matters for cost."""

    model_id = text("Key of the model.", key=True)
    name = text("Name of the model.", nullable=False)
    developer = text("Who made it.", nullable=False)
    family = text("Family of models that it belongs to.")
    architecture = text(
        "Architecture; empty where it is not published.",
        allowed=("decoder", "encoder", "encoder_decoder", "moe_decoder", "moe_encoder_decoder"),
    )
    released_on = day("When it was released.")
    is_open_weights = flag("True if the weights can be had.")
    licence = text("Licence of the weights.")
    parameters_count = number("Parameters, all of them.", "1", min_exclusive=0)
    active_parameters_count = number("Parameters that work on each token.", "1", min_exclusive=0)
    training_tokens_count = number("Tokens seen in pre-training.", "1", min_exclusive=0)
    flop_per_parameter_token = number(
        "Training operations per active parameter and token.", "FLOP", nullable=False, min_exclusive=0, max=20
    )
    training_flop = number("Training operations as published.", "FLOP", min_exclusive=0)
    layer_count = number("Transformer layers.", "1", min_exclusive=0)
    hidden_width_count = number("Width of the residual stream.", "1", min_exclusive=0)
    attention_head_count = number("Attention heads (of queries).", "1", min_exclusive=0)
    kv_head_count = number("Heads of keys and values.", "1", min_exclusive=0)
    head_dimension_count = number("Dimension of a head, a rotary part beside it left out.", "1", min_exclusive=0)
    kv_latent_width_count = number(
        "Width of the latent vector that is cached in place of keys and values (multi-head latent attention: kv_lora_rank); empty where these are cached.",
        "1",
        min_exclusive=0,
    )
    rope_head_dimension_count = number(
        "Dimension of the rotary part of a key that all heads share and that is cached beside the latent vector; empty where keys have no such part.",
        "1",
        min_exclusive=0,
    )
    local_layer_count = number(
        "Layers whose attention sees the latest attention_window_tokens_count tokens only; empty where every layer sees the whole context.",
        "1",
        min_exclusive=0,
    )
    attention_window_tokens_count = number(
        "Tokens that a local layer sees at most: its sliding window, or its chunk.", "token", min_exclusive=0
    )
    expert_count = number(
        "Experts of a layer that tokens are routed to; shared ones are left out.", "1", min_exclusive=0
    )
    experts_per_token_count = number("Of these, how many work on a token.", "1", min_exclusive=0)
    feed_forward_width_count = number("Width of the feed-forward layer.", "1", min_exclusive=0)
    vocabulary_count = number("Tokens of the vocabulary.", "1", min_exclusive=0)
    context_tokens_count = number("Context length that it can be used with.", "token", min_exclusive=0)
    training_context_tokens_count = number(
        "Length of the sequences that it was trained on: of most of its tokens, where it was made longer towards the end; empty where it is not published "
        "and of encoder-decoders.",
        "token",
        min_exclusive=0,
    )
    training_accelerator_id = text("Accelerator it was trained on.")
    training_gpu_hours = number("Accelerator-hours of the training, as published.", "h", min_exclusive=0)
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE

    @dy.rule()
    def local_layers_have_a_window(cls) -> pl.Expr:
        """Local layers are some of the layers, and how far they see is known."""
        layers, window = pl.col("local_layer_count"), pl.col("attention_window_tokens_count")
        return (layers.is_null() == window.is_null()) & (
            layers.is_null() | (layers <= pl.col("layer_count")).fill_null(value=False)
        )

    @dy.rule()
    def a_token_goes_to_some_of_the_experts(cls) -> pl.Expr:
        """Both are known or neither, and a token is not routed to more experts than there are."""
        experts, chosen = pl.col("expert_count"), pl.col("experts_per_token_count")
        return (experts.is_null() == chosen.is_null()) & (experts.is_null() | (chosen <= experts))

    @dy.rule()
    def latent_keys_have_a_rotary_part(cls) -> pl.Expr:
        """What stands for keys and values in a cache is both, the latent vector and the rotary key."""
        return pl.col("kv_latent_width_count").is_null() == pl.col("rope_head_dimension_count").is_null()


class ModelAlias(dy.Schema):
    """How else a model is called; matched without case, punctuation, vendor and tuning (macro model_key)."""

    alias = text("Name as written.", key=True)
    model_id = text("Model; see reference.model.", nullable=False)
    note = _NOTE


class VendorAlias(dy.Schema):
    """Names that price lists give to one seller of tokens; a name without a row is the seller's id itself."""

    vendor = text("Name as the list writes it.", key=True)
    vendor_id = text("Who sends the bill.", nullable=False)
    note = _NOTE


class ModelAssumption(dy.Schema):
    """What a method assumes of models whose vendors publish no size: ranges, speed, and the data centres of the vendor.

    Nobody outside the vendor knows these numbers; they are used by that method only, and named in `size_assumed_by`.
    """

    assumed_by = text("Method whose authors assume it.", key=True)
    model = text("Name of the model, matched by model_key.", key=True)
    vendor = text("Who serves it.", nullable=False)
    low_parameters_count = number("Lower end of the parameters.", "1", nullable=False, min=1e6, max=1e14)
    high_parameters_count = number("Upper end of the parameters.", "1", nullable=False, min=1e6, max=1e14)
    low_active_parameters_count = number("Lower end of those active per token.", "1", nullable=False, min=1e6, max=1e14)
    high_active_parameters_count = number(
        "Upper end of those active per token.", "1", nullable=False, min=1e6, max=1e14
    )
    tokens_per_s = number("Output tokens of one request in a second.", "tokens/s", min_exclusive=0, max=1e5)
    first_token_latency_s = number("Time to the first token.", "s", min=0, max=1e4)
    low_pue = number("Lower end of the vendor's PUE.", "1", min=1, max=5)
    high_pue = number("Upper end of the vendor's PUE.", "1", min=1, max=5)
    low_site_water_l_per_kwh = number("Lower end of the vendor's WUE.", "l/kWh", min=0, max=100)
    high_site_water_l_per_kwh = number("Upper end of the vendor's WUE.", "l/kWh", min=0, max=100)
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE

    @dy.rule()
    def ends_in_order(cls) -> pl.Expr:
        """No lower end above its upper one, and no more active parameters than there are."""
        ordered = [
            pl.col(f"low_{name}") <= pl.col(f"high_{name}")
            for name in ("parameters_count", "active_parameters_count", "pue", "site_water_l_per_kwh")
        ]
        return pl.all_horizontal(
            *ordered,
            pl.col("low_active_parameters_count") <= pl.col("low_parameters_count"),
            pl.col("high_active_parameters_count") <= pl.col("high_parameters_count"),
        )


class Region(dy.Schema):
    """One row per cloud region: where it is and which grid feeds it."""

    provider = text("Cloud provider.", key=True)
    region = text("Region in the provider's own id.", key=True)
    place = text("City, county or country that it lies in.")
    country_code = text("ISO 3166-1 alpha-2 code.")
    latitude = number("Latitude.", "degree", min=-90, max=90)
    longitude = number("Longitude.", "degree", min=-180, max=180)
    grid_zone = text("Grid zone that feeds it.")
    time_zone = text("IANA time zone.")
    pue = number("Power usage effectiveness, where published.", "1", min=1, max=3)
    pue_year = number("Year of the PUE.", "1", min=2000, max=2100)
    pue_source_url = text("Where the PUE stands.")
    zone_claimed_by = text("Who says that this zone feeds it.")
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE


class RegionClaim(dy.Schema):
    """What different sources claim of a cloud region, side by side."""

    provider = text("Cloud provider.", nullable=False)
    region = text("Region in the provider's own id.", nullable=False)
    attribute = text("What is claimed of the region: its grid zone, PUE, carbon intensity, …", nullable=False)
    year = number("Year it holds for; empty if undated.", "1")
    value = text("The claim, as text.", nullable=False)
    unit = text("Unit of the claim.")
    claimed_by = text("Who claims it.", nullable=False)
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    source_id = text(
        "Source whose newer version speaks in its place once it is loaded; empty: none does. See meta.source."
    )
    stated_on = day("Day of the version that it was typed from; where that is not known, the earliest that it can be.")

    @dy.rule()
    def version_of_a_source_is_dated(cls) -> pl.Expr:
        """A claim that a source may replace needs the date of its version: without it nothing says which is newer."""
        return pl.col("source_id").is_null() | pl.col("stated_on").is_not_null()


class ZoneExtent(dy.Schema):
    """The box that a grid zone lies in: what is fed by it lies inside."""

    zone = text("Grid zone.", key=True)
    west_longitude = number("Western edge.", "degree", nullable=False, min=-180, max=180)
    south_latitude = number("Southern edge.", "degree", nullable=False, min=-90, max=90)
    east_longitude = number("Eastern edge.", "degree", nullable=False, min=-180, max=180)
    north_latitude = number("Northern edge.", "degree", nullable=False, min=-90, max=90)
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE


class ZoneFuel(dy.Schema):
    """Fuels that a grid zone cannot be without, and days from which it is without one for good: an answer that lacks a known fuel is refused."""

    zone = text("Grid zone.", key=True)
    fuel = text("Fuel; see emission_factor.csv.", key=True)
    from_on = day(
        "From when every answer must state it, be it as 0; empty: known only once an answer of a source has held it, see meta.zone_fuel."
    )
    closed_on = day("First day (UTC) without it: its last plant closed the day before; empty: it has not closed.")
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE

    @dy.rule()
    def fuel_has_a_factor(cls) -> pl.Expr:
        """The fuel is one that emission_factor.csv names: another would be missing from every answer."""
        return pl.col("fuel").is_in(sorted(set(factors()["fuel"])))

    @dy.rule()
    def says_something(cls) -> pl.Expr:
        """From when it is known, or from when it is gone, in that order."""
        is_one = pl.col("from_on").is_not_null() | pl.col("closed_on").is_not_null()
        return is_one & (pl.col("from_on") < pl.col("closed_on")).fill_null(value=True)


class Country(dy.Schema):
    """One row per country."""

    country_code = text("ISO 3166-1 alpha-2 code.", key=True)
    country_code_alpha3 = text("ISO 3166-1 alpha-3 code.", nullable=False)
    name = text("English name.", nullable=False)
    grid_zone = text("Grid zone of the whole country.")


class EmbodiedCarbon(dy.Schema):
    """One row per family of accelerators: emissions of manufacture of one card, as published."""

    accelerator_prefix = text("Start of the accelerator's key.", key=True)
    low_kgco2e = number("Lowest published figure.", "kgCO2e", nullable=False, min_exclusive=0)
    central_kgco2e = number("Central figure.", "kgCO2e", nullable=False, min_exclusive=0)
    high_kgco2e = number("Highest published figure.", "kgCO2e", nullable=False, min_exclusive=0)
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE


class DecisionDefault(dy.Schema):
    """One row per factor of the decision macros that a caller may leave out, with its band."""

    factor = text("Factor that the default stands for.", key=True)
    applies_to = text("What it holds for: a provider, a kind of network; else any.", key=True)
    low = number("p5 of the factor.", "see unit", nullable=False, min=0)
    central = number("p50 of the factor.", "see unit", nullable=False, min=0)
    high = number("p95 of the factor.", "see unit", nullable=False, min=0)
    unit = text("Unit of low, central and high.", nullable=False)
    method_version = text("Method version that uses it.", key=True)
    source_url = _SOURCE_URL
    note = _NOTE


class ComputeHub(dy.Schema):
    """One row per cluster (and province) of China's national computing hubs."""

    cluster_id = text("Key of the cluster.", key=True)
    name = text("Name of the cluster.", nullable=False)
    hub = text("Hub that it belongs to.", nullable=False)
    province = text("Province.", nullable=False)
    grid_zone = text("Grid zone that feeds it.", nullable=False)
    side = text(
        "east: demand; west: supply; east_demand: in the west, but a place of demand.",
        nullable=False,
        allowed=("east", "west", "east_demand"),
    )
    pue_limit = number("Highest PUE allowed by its approval.", "1", min=1, max=3)
    electricity_cny_per_kwh = number("Price of electricity for data centres.", "CNY/kWh", min_exclusive=0, max=5)
    low_electricity_cny_per_kwh = number("Lowest price, where a range is stated.", "CNY/kWh", min_exclusive=0, max=5)
    high_electricity_cny_per_kwh = number("Highest price, where a range is stated.", "CNY/kWh", min_exclusive=0, max=5)
    price_kind = text("Kind of price, in words.")
    price_source_url = text("Where the price stands.")
    source_url = _SOURCE_URL
    checked_on = _CHECKED_ON
    note = _NOTE


class ScenarioClaim(dy.Schema):
    """One row per figure that is quoted for a bundled scenario, and what the estimate must lie within for it to hold."""

    claim_id = text("Key of the claim.", key=True)
    scenario_id = text("Bundled scenario that it is tested on.", nullable=False)
    article_point = number("Number of the scenario in the founding article.", "1", nullable=False, min=1, max=6)
    claim = text("What is claimed, in one line.", nullable=False)
    quantity = text("Quantity of the estimate that it is tested on.", nullable=False)
    claimed_low = number("Lowest value at which it holds; empty: no bound.", "see unit")
    claimed_high = number("Highest value at which it holds; empty: no bound.", "see unit")
    unit = text("Unit of claimed_low and claimed_high.", nullable=False)
    holds_where = text("Where it holds.", nullable=False)
    fails_where = text("Where it does not hold.", nullable=False)
    source_url = _SOURCE_URL


class Scenario(dy.Schema):
    """One row per bundled scenario: what it states, as its file does."""

    scenario_id = text("Key: the name of its file.", key=True)
    kind = text("Section of the file that says what is estimated.", nullable=False)
    title = text("What it is, in one line.", nullable=False)
    note = text("Where it comes from, where it holds and where it does not.")
    source_url = text("Where its facts stand.")
    definition = text("The scenario itself, in TOML.", nullable=False)


def _table(name: str, columns: type[dy.Schema]) -> Table:
    return Table("reference", name, (columns.__doc__ or "").strip(), columns)


REFERENCE_TABLES: tuple[Table, ...] = (
    _table("accelerator", Accelerator),
    _table("accelerator_alias", AcceleratorAlias),
    _table("instance_accelerator", InstanceAccelerator),
    _table("model", Model),
    _table("model_alias", ModelAlias),
    _table("vendor_alias", VendorAlias),
    _table("model_assumption", ModelAssumption),
    _table("region", Region),
    _table("region_claim", RegionClaim),
    _table("country", Country),
    _table("zone_extent", ZoneExtent),
    _table("zone_fuel", ZoneFuel),
    METHOD_DEFAULT,
    _table("embodied_carbon", EmbodiedCarbon),
    _table("decision_default", DecisionDefault),
    _table("compute_hub", ComputeHub),
    _table("scenario_claim", ScenarioClaim),
    _table("scenario", Scenario),
)

SCENARIOS = FOLDER.parent / "estimated" / "scenarios"


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A reference table read from its CSV file and checked."""

    table: Table
    sha256: str
    frame: pl.DataFrame


def reference_stamp(table: Table) -> str:
    """SHA-256 of what the file of a reference table says, without reading it as a table."""
    if table.columns is Scenario:
        return _stamp_of_scenarios(_scenario_texts())
    return hashlib.sha256((FOLDER / f"{table.name}.csv").read_bytes()).hexdigest()


def _scenario_texts() -> dict[str, str]:
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(SCENARIOS.rglob("*.toml"))}


def _stamp_of_scenarios(texts: Mapping[str, str]) -> str:
    return hashlib.sha256("\x00".join(texts.values()).encode()).hexdigest()


def read_reference(table: Table) -> ReferenceFile:
    """Read and check the CSV file of a reference table.

    Raises:
        PetadayError: naming the file, the rule and a row, if a fact breaks its declaration.
    """
    if table.columns is Scenario:
        return _read_scenarios(table)
    file = FOLDER / f"{table.name}.csv"
    body = file.read_bytes()
    raw = pl.read_csv(body, infer_schema=False)
    declared = table.declared()
    if raw.columns != list(declared):
        raise PetadayError(f"{file}: columns {raw.columns}, declared are {list(declared)}")
    casts = []
    for name, column in declared.items():
        if column.dtype == pl.Boolean:
            cast = pl.col(name).replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
        elif column.dtype == pl.Date:
            cast = pl.col(name).str.to_date("%Y-%m-%d", strict=True)
        else:
            cast = pl.col(name).cast(column.dtype, strict=True)
        casts.append(cast.alias(name))
    try:
        frame = raw.select(casts)
    except pl.exceptions.PolarsError as e:
        raise PetadayError(f"{file}: {str(e).splitlines()[0]}") from e
    good, failure = table.columns.filter(frame)
    if len(failure):
        raise PetadayError(f"{file}: {failure.counts()}; first: {failure.invalid().row(0, named=True)}")
    return ReferenceFile(table, hashlib.sha256(body).hexdigest(), good)


def _read_scenarios(table: Table) -> ReferenceFile:
    """The bundled scenario files as a table."""
    texts = _scenario_texts()
    rows = []
    for scenario_id, definition in texts.items():
        stated = tomllib.loads(definition)
        kind = next(key for key, value in stated.items() if isinstance(value, dict))
        rows.append((scenario_id, kind, stated["title"], stated.get("note"), stated.get("source_url"), definition))
    schema = dict.fromkeys(table.declared(), pl.String)
    frame = table.columns.validate(pl.DataFrame(rows, schema=schema, orient="row"))
    return ReferenceFile(table, _stamp_of_scenarios(texts), frame)
