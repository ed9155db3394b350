-- Looks up what a scenario leaves out: names resolved to keys, then one row per scenario and factor with its origin.
-- In: petaday_scenario (one row per scenario), petaday_given (one row per scenario and number), petaday_default.

-- How an accelerator may be written: its key; else its name, or an alias that holds anywhere, or one with its memory;
-- else an alias or family that is valid under a condition only: then all accelerators that it may mean are offered.
-- Case, punctuation and the vendor's name are ignored.
CREATE OR REPLACE TEMP TABLE petaday_accelerator_name AS
WITH alias AS (SELECT *, alias || ' ' || memory_gib::INTEGER || 'GB' AS with_memory FROM {alias_relation}),
written AS (
    SELECT accelerator_id AS written, accelerator_id, 1 AS priority
    FROM reference.accelerator
    UNION ALL SELECT name, accelerator_id, 2
    FROM reference.accelerator
    UNION ALL SELECT CASE WHEN memory_gib IS NULL THEN alias ELSE with_memory END, accelerator_id, 2
    FROM alias WHERE NOT is_conditional
    UNION ALL SELECT unnest([alias, with_memory]), accelerator_id, 3
    FROM alias
    UNION ALL
    SELECT unnest([split_part(accelerator_id, '-', 2),
            split_part(accelerator_id, '-', 2) || split_part(accelerator_id, '-', -1)]),
        accelerator_id, 3
    FROM reference.accelerator
)
SELECT name_key, string_agg(DISTINCT accelerator_id, ', ' ORDER BY accelerator_id) AS accelerator_ids,
    count(DISTINCT accelerator_id) AS accelerator_count, min(accelerator_id) AS accelerator_id
FROM (
    SELECT regexp_replace(lower(written), '[^a-z0-9]|^(nvidia|amd|google|intel|aws)', '', 'g') AS name_key,
        accelerator_id, priority
    FROM written WHERE written IS NOT NULL QUALIFY priority = min(priority) OVER (PARTITION BY name_key))
GROUP BY name_key;

CREATE OR REPLACE TEMP TABLE petaday_zone AS
SELECT DISTINCT zone FROM (
    SELECT zone FROM observed.grid_carbon_log UNION ALL SELECT grid_zone FROM reference.region
    UNION ALL SELECT split_part(grid_zone, '-', 1) FROM reference.region
) WHERE zone IS NOT NULL;

CREATE OR REPLACE TEMP TABLE petaday_resolved AS
WITH given AS (
    SELECT scenario_id, {given_columns}
    FROM petaday_scenario LEFT JOIN petaday_given USING (scenario_id) GROUP BY scenario_id
), model AS (
    SELECT s.scenario_id, min(m.model_id) AS model_id
    FROM petaday_scenario s JOIN {model_name_relation} m ON m.name_key = {model_name_key}
    GROUP BY s.scenario_id
), place AS (
    SELECT s.scenario_id, any_value(r.grid_zone) AS zone, count(DISTINCT r.grid_zone) AS zone_count,
        any_value(r.region) AS region, string_agg(DISTINCT r.provider, ', ' ORDER BY r.provider) AS region_providers,
        CASE WHEN count(*) = 1 THEN any_value(r.provider) END AS region_provider,
        CASE WHEN count(*) = 1 THEN any_value(r.pue::DOUBLE) END AS region_pue,
        CASE WHEN count(*) = 1 THEN any_value(r.pue_source_url) END AS region_pue_source_url,
        CASE WHEN count(DISTINCT r.country_code) = 1 THEN any_value(r.country_code) END AS country_code
    FROM petaday_scenario s
    JOIN reference.region r ON lower(r.region) = lower(s.region)
        AND (s.provider IS NULL OR lower(s.provider) = r.provider)
    GROUP BY s.scenario_id
), joined AS (
    SELECT s.* EXCLUDE (model, accelerator, provider, region, purchase), g.* EXCLUDE (scenario_id),
        s.model AS model_written, s.accelerator AS accelerator_written, s.region AS region_written,
        s.provider AS provider_written, lower(s.provider) AS provider, s.purchase AS purchase_written,
        coalesce(s.purchase, 'on_demand') AS purchase_option, m.model_id, m.source_url AS model_source_url,
        m.architecture AS model_architecture,
        coalesce(m.active_parameters_count, m.parameters_count)::DOUBLE AS model_parameters,
        m.training_tokens_count::DOUBLE AS model_tokens,
        m.flop_per_parameter_token::DOUBLE AS model_flop_per_parameter_token, m.training_flop::DOUBLE AS model_flop,
        {model_attention} AS model_attention, a.accelerator_id, s.accelerator IS NULL
        AND a.accelerator_id IS NOT NULL AS is_accelerator_of_model, a.source_url AS accelerator_source_url,
        a.fp16_dense_flop_per_s::DOUBLE AS reference_peak, coalesce(g.given_tdp_w, a.tdp_w::DOUBLE) AS tdp_w,
        greatest(a.fp16_dense_flop_per_s::DOUBLE, a.fp8_dense_flop_per_s::DOUBLE) AS reference_peak_limit,
        n.accelerator_ids, n.accelerator_count AS accelerator_matches, p.region AS place_region, p.region_providers,
        p.zone_count, p.region_pue, p.region_pue_source_url,
        coalesce(lower(s.provider), p.region_provider) AS region_provider, z.zone AS written_zone,
        CASE WHEN p.region IS NULL THEN z.zone WHEN p.zone_count <= 1 THEN p.zone END AS zone,
        coalesce(c.grid_zone, c.country_code) AS country_zone
    FROM petaday_scenario s JOIN given g USING (scenario_id) LEFT JOIN model mk USING (scenario_id)
    LEFT JOIN reference.model m ON m.model_id = mk.model_id
    LEFT JOIN petaday_accelerator_name n ON n.name_key = regexp_replace(lower(s.accelerator),
        '[^a-z0-9]|^(nvidia|amd|google|intel|aws)', '', 'g')
    LEFT JOIN reference.accelerator a
        ON a.accelerator_id = CASE WHEN s.accelerator IS NULL THEN m.training_accelerator_id
        WHEN n.accelerator_count = 1 THEN n.accelerator_id END
    LEFT JOIN place p USING (scenario_id) LEFT JOIN petaday_zone z ON z.zone = upper(s.region)
    -- The country of the region, or the one that the name of an offer's place ends with.
    LEFT JOIN {country_relation} c ON c.country_code = CASE WHEN p.region IS NOT NULL THEN p.country_code
        WHEN z.zone IS NULL THEN _country_in_name(s.region) END
), routes AS (
    SELECT *,
        coalesce(given_active_parameters_count, given_parameters_count, model_parameters) AS parameters,
        coalesce(given_tokens_count, model_tokens) AS tokens,
        coalesce(given_gpu_hours, gpu_hours_of_run(given_accelerator_count, given_duration_days)) AS run_hours,
        coalesce(given_peak_flop_per_s_per_gpu, reference_peak) AS peak
    FROM joined
), needs AS (
    SELECT *, given_training_flop IS NULL AND parameters IS NOT NULL AND tokens IS NOT NULL AS is_flop_of_tokens,
        given_training_flop IS NULL AND (parameters IS NULL OR tokens IS NULL)
        AND model_flop IS NOT NULL AS is_flop_of_model, given_training_flop IS NOT NULL
        OR (parameters IS NOT NULL AND tokens IS NOT NULL) OR model_flop IS NOT NULL AS is_flop_known
    FROM routes
)
SELECT *,
    -- No name to look a PUE up by, and none to assume one for: the given numbers are taken as they are.
    coalesce(model_written, accelerator_written, provider_written, region_written) IS NULL AS is_bare,
    -- A throughput is needed to compute FLOP from GPU-hours, or GPU-hours from FLOP.
    is_flop_known <> (run_hours IS NOT NULL) AND given_achieved_flop_per_s_per_gpu IS NULL AS needs_utilization,
    given_energy_kwh IS NULL AND given_it_energy_kwh IS NULL AND given_power_w_per_gpu IS NULL AS needs_power,
    run_hours IS NOT NULL
    OR (is_flop_known AND (given_achieved_flop_per_s_per_gpu IS NOT NULL OR peak IS NOT NULL)) AS has_hours
FROM needs;

-- The rate at as_of, per scenario (rule rate-3): the offers of one source for each provider (is_spoken), of a region
-- those of the region before those that hold in all (rank_at_place), of the providers that have it; a provider's rate
-- is the median of its offers, and the rate is the median over providers with p5 and p95 as its band, so that a
-- provider that sells in many regions counts once. Of a single provider the quantiles are over its offers. (By rate-2
-- offers of a region and of all regions counted together, by rate-1 every offer of every source; `petaday restate
-- rate-2 rate-3`.)
CREATE OR REPLACE TEMP TABLE petaday_rate AS
WITH wanted AS (
    SELECT scenario_id, as_of_at, accelerator_id, provider, purchase_option,
        CASE WHEN place_region IS NOT NULL OR written_zone IS NULL
                THEN coalesce(place_region, region_written) END AS region,
        string_split(region_providers, ', ') AS region_providers
    FROM petaday_resolved WHERE given_usd_per_gpu_hour IS NULL AND accelerator_id IS NOT NULL
), offer AS (
    SELECT w.scenario_id, o.provider, o.source_id, o.source_rank, o.price_usd_per_gpu_hour::DOUBLE AS price,
        o.capture_id, o.is_bundled, o.counts_from, o.stands_to,
        o.counts_from <= w.as_of_at AND o.stands_to > w.as_of_at AS is_in_force,
        rank_at_place(o.source_rank, o.region, w.region) AS place_rank, is_at_place(o.region, w.region) AS is_at_place,
        coalesce(list_contains(w.region_providers, o.provider), true) AS has_region
    FROM wanted w
    JOIN {offers} o ON o.accelerator_id = w.accelerator_id AND o.purchase_option = w.purchase_option
        AND (w.provider IS NULL OR o.provider = w.provider)
    WHERE o.price_usd_per_gpu_hour > 0
), in_force AS (
    SELECT *, offers_said(scenario_id, provider, source_id) AS said_count FROM offer WHERE is_in_force
), counted AS (
    SELECT *, median(price) OVER of_provider AS provider_price,
        row_number() OVER (of_provider ORDER BY price) AS offer_number, {rate_by_provider}
        AND min(provider) OVER of_scenario <> max(provider) OVER of_scenario AS are_many
    FROM {rate_offers}
    WINDOW of_provider AS (PARTITION BY scenario_id, provider), of_scenario AS (PARTITION BY scenario_id)
), rate AS (
    SELECT scenario_id, count(*) AS offer_count, count(DISTINCT provider) AS provider_count,
        quantile_cont(CASE WHEN are_many THEN provider_price ELSE price END, [0.05, 0.5, 0.95]) FILTER (NOT are_many
            OR offer_number = 1) AS quantiles,
        max_by(capture_id, counts_from) AS capture_id,
        string_agg(DISTINCT source_id, ', ' ORDER BY source_id) AS source_ids, bool_or(is_bundled) AS is_bundled
    FROM counted GROUP BY scenario_id
)
SELECT o.scenario_id, o.first_at, o.last_at, coalesce(r.offer_count, 0) AS offer_count,
    coalesce(r.provider_count, 0) AS provider_count, r.quantiles[1] AS low, r.quantiles[2] AS central,
    r.quantiles[3] AS high, r.capture_id, r.source_ids, coalesce(r.is_bundled, false) AS is_bundled
FROM (
    SELECT scenario_id, min(counts_from) AS first_at, max(stands_to) AS last_at
    FROM offer WHERE is_at_place AND has_region GROUP BY scenario_id) o
LEFT JOIN rate r USING (scenario_id);

-- Grid slots that a scenario may use: those of the region's zone and of its country. A view, so that years of slots are
-- not copied for one estimate.
CREATE OR REPLACE TEMP VIEW petaday_slot AS
WITH wanted AS (
    SELECT DISTINCT scenario_id, as_of_at, zone AS wanted_zone,
        unnest([zone, coalesce(country_zone, split_part(zone, '-', 1))]) AS zone
    FROM petaday_resolved WHERE given_grid_gco2e_per_kwh IS NULL
)
SELECT w.scenario_id, w.as_of_at, w.wanted_zone, g.zone, g.resolution, g.basis_boundary, g.basis_kind,
    g.intensity_gco2e_per_kwh::DOUBLE AS intensity, g.valid_from, slot_end(g.valid_from, g.resolution) AS slot_end,
    resolution_rank(g.resolution) AS fineness,
    _boundary_rank(g.basis_boundary) AS boundary_rank,
    CASE g.basis_kind WHEN 'actual' THEN 1 WHEN 'estimated' THEN 2 ELSE 3 END AS kind_rank, g.capture_id,
    {grid_is_bundled} AS is_bundled
FROM wanted w JOIN observed.grid_carbon g ON g.zone = w.zone
WHERE g.basis_method = 'average' AND g.basis_accounting = 'location' AND g.intensity_gco2e_per_kwh > 0;

-- Runs with a start: their wall-clock time, by the central values.
CREATE OR REPLACE TEMP TABLE petaday_run AS
SELECT s.scenario_id, s.start_at, s.start_at + to_microseconds((wall_hours * 3600e6)::BIGINT) AS end_at, wall_hours
FROM (
    SELECT r.scenario_id, r.start_at,
        CASE WHEN r.given_duration_days IS NOT NULL THEN r.given_duration_days * 24
            ELSE coalesce(r.run_hours, gpu_hours_of_flop(coalesce(r.given_training_flop,
                        CASE WHEN r.is_flop_of_tokens THEN training_flop_with_attention(r.parameters, r.tokens,
                        coalesce(r.given_flop_per_parameter_token, r.model_flop_per_parameter_token, 6),
                        coalesce(r.given_attention_flop_per_token,
                        CASE WHEN r.include_attention THEN r.model_attention END, 0))
                        WHEN r.is_flop_of_model THEN r.model_flop END),
                    coalesce(r.given_achieved_flop_per_s_per_gpu,
                        achieved_flop_per_s(r.peak, coalesce(r.given_utilization_share, d.central)))))
                / r.given_accelerator_count END AS wall_hours
    FROM petaday_resolved r LEFT JOIN petaday_default d ON d.factor = 'utilization_share') s
WHERE s.start_at IS NOT NULL;

-- The grid over a run, hour by hour: of each hour the finest slot that covers it, all on one boundary. Power is assumed
-- constant, so the emissions are the energy times the mean over the hours. Hours that no slot covers are left out;
-- their share is stated.
CREATE OR REPLACE TEMP TABLE petaday_run_grid AS
WITH hour AS (
    SELECT scenario_id, start_at, end_at, wall_hours,
        unnest(range(date_trunc('hour', start_at), end_at, INTERVAL 1 HOUR)) AS hour_from
    FROM petaday_run WHERE wall_hours > 0
), weighted AS (
    SELECT *, epoch(least(end_at, hour_from + INTERVAL 1 HOUR) - greatest(start_at, hour_from)) / 3600 AS hours
    FROM hour
), fine AS (
    -- Slots shorter than an hour are averaged over the hour first.
    SELECT h.scenario_id, h.hour_from, s.boundary_rank, s.basis_boundary, s.zone, s.wanted_zone, s.kind_rank,
        s.basis_kind, s.fineness, s.resolution, avg(s.intensity) AS intensity, max(s.capture_id) AS capture_id,
        bool_or(s.is_bundled) AS is_bundled
    FROM weighted h
    JOIN petaday_slot s ON s.scenario_id = h.scenario_id AND s.fineness <= 4 AND s.valid_from >= h.hour_from
        AND s.valid_from < h.hour_from + INTERVAL 1 HOUR
    GROUP BY ALL
    UNION ALL
    SELECT h.scenario_id, h.hour_from, s.boundary_rank, s.basis_boundary, s.zone, s.wanted_zone, s.kind_rank,
        s.basis_kind, s.fineness, s.resolution, s.intensity, s.capture_id, s.is_bundled
    FROM weighted h
    JOIN petaday_slot s ON s.scenario_id = h.scenario_id AND s.fineness > 4 AND s.valid_from <= h.hour_from
        AND s.slot_end > h.hour_from
), chosen AS (
    -- What there is by the hour, whether it is chosen or gives way to a longer slot that is measured.
    SELECT f.*, h.hours, f.fineness <= 4 OR bool_or(f.fineness <= 4 AND f.kind_rank <= 2) OVER of_zone AS has_fine,
        bool_or(f.fineness <= 4 AND f.kind_rank = 1) OVER of_zone AS has_measured
    FROM fine f JOIN weighted h ON h.scenario_id = f.scenario_id AND h.hour_from = f.hour_from
    WINDOW of_zone AS (PARTITION BY f.scenario_id, f.hour_from, f.boundary_rank, f.zone)
    QUALIFY row_number() OVER (PARTITION BY f.scenario_id, f.hour_from, f.boundary_rank
        ORDER BY f.zone = f.wanted_zone DESC, f.kind_rank, f.fineness, f.capture_id DESC) = 1
), summed AS (
    SELECT scenario_id, boundary_rank, basis_boundary, sum(hours) AS covered_hours,
        sum(intensity * hours) / sum(hours) AS intensity,
        coalesce(sum(hours) FILTER (fineness <= 4), 0) AS hourly_hours,
        coalesce(sum(hours) FILTER (has_fine), 0) AS fine_hours,
        coalesce(sum(hours) FILTER (has_measured), 0) AS measured_hours,
        string_agg(DISTINCT zone, ', ' ORDER BY zone) AS zones,
        string_agg(DISTINCT basis_kind, ', ' ORDER BY basis_kind) AS kinds,
        string_agg(DISTINCT resolution, ', ' ORDER BY resolution) AS resolutions, max(capture_id) AS capture_id,
        bool_or(is_bundled) AS is_bundled
    FROM chosen GROUP BY ALL
)
SELECT s.*, r.start_at, r.end_at, r.wall_hours
FROM summed s JOIN petaday_run r USING (scenario_id)
-- A boundary that covers nine tenths of the run; of several the one with most hours in slots of an hour or less, then
-- with most of them measured, then the one that covers more, then lifecycle. An estimated hour that gives way to a
-- measured month counts as an hour: where both boundaries have it, it must not turn life cycle into direct.
QUALIFY row_number() OVER (PARTITION BY scenario_id ORDER BY covered_hours >= 0.9 * wall_hours DESC,
    round(fine_hours / wall_hours, 3) DESC, round(measured_hours / wall_hours, 3) DESC,
    round(covered_hours / wall_hours, 3) DESC, boundary_rank) = 1;

-- The grid of a job without a start, by a rule (look_up_rules.py).
CREATE OR REPLACE TEMP TABLE petaday_grid AS
WITH wanted AS (
    SELECT DISTINCT scenario_id, as_of_at, zone AS wanted_zone,
        unnest([zone, coalesce(country_zone, split_part(zone, '-', 1))]) AS zone
    FROM petaday_resolved
    WHERE given_grid_gco2e_per_kwh IS NULL AND scenario_id NOT IN (SELECT scenario_id FROM petaday_run_grid)
), chosen AS (
    {grid_chosen}
)
SELECT c.scenario_id, c.as_of_at, c.wanted_zone, c.zone, c.resolution, c.basis_boundary, c.basis_kind, c.span_from,
    c.span_to, c.mean_gco2e_per_kwh::DOUBLE AS intensity, c.source_id, c.estimated_share, c.is_bundled,
    {grid_capture} AS capture_id
FROM chosen c;

CREATE OR REPLACE TEMP TABLE petaday_factor AS
WITH s AS (
    SELECT r.*, 'reference.model[' || model_id || ']' AS model_ref,
        'reference.accelerator[' || accelerator_id || ']' AS accelerator_ref,
        CASE WHEN is_accelerator_of_model
                THEN ' (the accelerator that reference.model[' || model_id || '] was trained on)'
            ELSE '' END AS accelerator_note
    FROM petaday_resolved r
), looked_up AS (
    SELECT scenario_id, 'active_parameters_count' AS factor, model_parameters AS low, model_parameters AS central,
        model_parameters AS high, 'reference' AS origin_kind, model_ref || '.active_parameters_count' AS origin_ref,
        NULL::VARCHAR AS capture_id, model_source_url AS source_url, false AS is_bundled
    FROM s WHERE is_flop_of_tokens AND given_active_parameters_count IS NULL AND given_parameters_count IS NULL
    UNION ALL
    SELECT scenario_id, 'tokens_count', model_tokens, model_tokens, model_tokens, 'reference',
        model_ref || '.training_tokens_count', NULL, model_source_url, false
    FROM s WHERE is_flop_of_tokens AND given_tokens_count IS NULL
    UNION ALL
    SELECT scenario_id, 'flop_per_parameter_token', model_flop_per_parameter_token, model_flop_per_parameter_token,
        model_flop_per_parameter_token, 'reference', model_ref || '.flop_per_parameter_token', NULL, model_source_url,
        false
    FROM s
    WHERE is_flop_of_tokens AND given_flop_per_parameter_token IS NULL AND model_flop_per_parameter_token IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'training_flop', model_flop, model_flop, model_flop, 'reference', model_ref || '.training_flop',
        NULL, model_source_url, false
    FROM s WHERE is_flop_of_model
    UNION ALL
    SELECT scenario_id, 'attention_flop_per_token', model_attention, model_attention, model_attention, 'derived',
        'attention_flop_per_token(layers, heads x head dimension, context or window) of ' || model_ref, NULL,
        model_source_url, false
    FROM s
    WHERE is_flop_of_tokens AND include_attention AND given_attention_flop_per_token IS NULL
        AND model_attention IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'peak_flop_per_s_per_gpu', reference_peak, reference_peak, reference_peak, 'reference',
        accelerator_ref || '.fp16_dense_flop_per_s' || accelerator_note, NULL, accelerator_source_url, false
    FROM s WHERE needs_utilization AND given_peak_flop_per_s_per_gpu IS NULL AND reference_peak IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'tdp_w', tdp_w, tdp_w, tdp_w, 'reference', accelerator_ref || '.tdp_w' || accelerator_note,
        NULL, accelerator_source_url, false
    FROM s WHERE needs_power AND has_hours AND tdp_w IS NOT NULL AND given_tdp_w IS NULL
    UNION ALL
    SELECT scenario_id, 'pue', region_pue, region_pue, region_pue, 'reference',
        'reference.region[' || region_provider || ', ' || place_region || '].pue', NULL, region_pue_source_url, false
    FROM s
    WHERE given_pue IS NULL AND region_pue IS NOT NULL AND given_energy_kwh IS NULL
        AND (given_it_energy_kwh IS NOT NULL OR (has_hours AND coalesce(given_power_w_per_gpu, tdp_w) IS NOT NULL))
    UNION ALL
    SELECT scenario_id, 'pue', 1, 1, 1, 'method_default',
        'no PUE is given and nothing is named to look one up for: energy at the servers (PUE 1); give pue, or a '
        'region or accelerator',
        NULL, NULL, false
    FROM s
    WHERE given_pue IS NULL AND is_bare AND given_energy_kwh IS NULL
        AND (given_it_energy_kwh IS NOT NULL OR (has_hours AND coalesce(given_power_w_per_gpu, tdp_w) IS NOT NULL))
    UNION ALL
    SELECT s.scenario_id, d.factor, d.low, d.central, d.high, 'method_default',
        'reference.method_default[' || d.factor || ']: ' || d.note, NULL, d.source_url, false
    FROM s
    JOIN petaday_default d ON CASE d.factor WHEN 'flop_per_parameter_token' THEN is_flop_of_tokens
        AND given_flop_per_parameter_token IS NULL AND model_flop_per_parameter_token IS NULL
        WHEN 'utilization_share' THEN needs_utilization AND given_utilization_share IS NULL AND peak IS NOT NULL
        WHEN 'power_share_of_tdp' THEN needs_power AND has_hours AND tdp_w IS NOT NULL
        AND given_power_share_of_tdp IS NULL
        WHEN 'pue' THEN given_pue IS NULL AND region_pue IS NULL AND NOT is_bare AND given_energy_kwh IS NULL
        AND (given_it_energy_kwh IS NOT NULL OR (has_hours AND coalesce(given_power_w_per_gpu, tdp_w) IS NOT NULL))
        ELSE false END
    UNION ALL
    SELECT s.scenario_id, 'usd_per_gpu_hour', r.low, r.central, r.high, 'observed',
        format('observed.cloud_offer: {{}} of {{}} offer{{}} ({{}}), {{}}{{}}{{}}, {{}}, as of {{}}{{}}',
            '{rate_rule}, ' || CASE WHEN {rate_by_provider}
                AND r.provider_count > 1 THEN 'median, p5 and p95 of the providers'' own medians'
                WHEN r.offer_count > 1 THEN 'median, p5 and p95' ELSE 'the price' END, r.offer_count,
            CASE WHEN r.offer_count > 1 THEN 's' ELSE '' END,
            CASE WHEN r.provider_count = 1 THEN '1 provider' ELSE r.provider_count || ' providers' END,
            coalesce(s.provider, replace(s.region_providers, ', ', ','), 'any provider'),
            coalesce(' ' || s.place_region, CASE WHEN s.written_zone IS NULL THEN ' ' || s.region_written END,
                ' any region'), ' ' || s.purchase_option, s.accelerator_id, strftime(s.as_of_at, '%Y-%m-%d'),
            ', by ' || r.source_ids),
        r.capture_id, NULL, r.is_bundled
    FROM s JOIN petaday_rate r USING (scenario_id) WHERE s.has_hours AND r.offer_count > 0
    UNION ALL
    SELECT s.scenario_id, 'grid_gco2e_per_kwh', g.intensity * d.low, g.intensity * d.central, g.intensity * d.high,
        'observed',
        format(
            'observed.grid_carbon[{{}}, {{}}, average, {{}}, location, {{}}], {grid_from} {{}}{{}}{{}}{{}}{{}}, rule '
            '{grid_rule}; band by reference.method_default[grid_ratio]',
            g.zone, g.resolution, g.basis_boundary, g.basis_kind, strftime(g.span_from, '%Y-%m-%d %H:%M'),
            coalesce(' by ' || g.source_id, ''),
            CASE WHEN g.estimated_share BETWEEN 1e-9 AND 1 - 1e-9
                    THEN format(', {{:.1f}}% of it estimated', 100 * g.estimated_share) ELSE '' END,
            CASE WHEN g.span_to > g.as_of_at THEN ''
                ELSE format(', the latest before {{}}: {{}} days old', strftime(g.as_of_at, '%Y-%m-%d'),
                    date_diff('day', g.span_to, g.as_of_at)) END,
            CASE WHEN g.wanted_zone IS NULL THEN ', the country, as the grid zone of the region is not known'
                WHEN g.zone <> g.wanted_zone THEN ', the country, as there is none for zone ' || g.wanted_zone
                ELSE '' END),
        g.capture_id, NULL, g.is_bundled
    FROM s JOIN petaday_grid g USING (scenario_id) CROSS JOIN petaday_default d WHERE d.factor = 'grid_ratio'
    UNION ALL
    SELECT s.scenario_id, 'grid_gco2e_per_kwh', g.intensity * d.low, g.intensity * d.central, g.intensity * d.high,
        'observed',
        format(
            'observed.grid_carbon[{{}}, {{}}, average, {{}}, location, {{}}] hour by hour from {{}} to {{}}: '
            '{{:.1f}}% of {{:.0f}} hours by slots of an hour or less{{}}{{}}; band by '
            'reference.method_default[grid_ratio]',
            g.zones, g.resolutions, g.basis_boundary, g.kinds, strftime(g.start_at, '%Y-%m-%d %H:%M'),
            strftime(g.end_at, '%Y-%m-%d %H:%M'), 100 * g.hourly_hours / g.wall_hours, g.wall_hours,
            CASE WHEN g.covered_hours > g.hourly_hours + 1e-6 THEN format(', {{:.1f}}% by longer slots',
                    100 * (g.covered_hours - g.hourly_hours) / g.wall_hours) ELSE '' END,
            CASE WHEN g.covered_hours < g.wall_hours - 1e-6 THEN format(', {{:.1f}}% not covered and left out',
                    100 * (1 - g.covered_hours / g.wall_hours)) ELSE '' END),
        g.capture_id, NULL, g.is_bundled
    FROM s JOIN petaday_run_grid g USING (scenario_id) CROSS JOIN petaday_default d WHERE d.factor = 'grid_ratio'
)
SELECT scenario_id, factor, low, central, high, 'given' AS origin_kind, 'the scenario' AS origin_ref,
    NULL::VARCHAR AS capture_id, NULL::VARCHAR AS source_url, false AS is_bundled
FROM petaday_given
UNION ALL FROM looked_up;
