-- Problems of scenarios: one row per problem, each a line that says what was given and what is allowed.
-- A run that states no other day is looked up at its start.
WITH s AS (
    SELECT *, CASE WHEN start_at = as_of_at THEN 'start_at' ELSE 'as_of' END AS as_of_name FROM petaday_resolved
),
near_model AS (
    SELECT scenario_id,
        array_to_string(max_by(m.model_id, jaro_winkler_similarity(lower(s.model_written), m.model_id), 3),
            ', ') AS names
    FROM s CROSS JOIN reference.model m WHERE s.model_written IS NOT NULL AND s.model_id IS NULL GROUP BY scenario_id
), near_accelerator AS (
    SELECT scenario_id,
        array_to_string(max_by(a.accelerator_id,
                greatest(jaro_winkler_similarity(lower(s.accelerator_written), a.accelerator_id),
                    jaro_winkler_similarity(lower(s.accelerator_written), lower(a.name)),
                    jaro_winkler_similarity(lower(s.accelerator_written),
                    regexp_replace(a.accelerator_id, '^[a-z]+-', ''))), 3), ', ') AS names
    FROM s CROSS JOIN reference.accelerator a WHERE s.accelerator_written IS NOT NULL AND s.accelerator_matches IS NULL
    GROUP BY scenario_id
), provider AS (
    SELECT DISTINCT provider
    FROM (SELECT provider FROM reference.region UNION ALL SELECT provider FROM observed.cloud_rate_log)
), near_provider AS (
    SELECT scenario_id,
        array_to_string(max_by(p.provider, jaro_winkler_similarity(s.provider, p.provider), 3), ', ') AS names
    FROM s CROSS JOIN provider p
    WHERE s.provider IS NOT NULL AND s.provider NOT IN (SELECT provider FROM provider WHERE provider IS NOT NULL)
    GROUP BY scenario_id
), unknown_region AS (
    SELECT s.* FROM s ANTI JOIN observed.cloud_rate_log r
        ON r.region = s.region_written AND (s.provider IS NULL OR r.provider = s.provider)
    WHERE region_written IS NOT NULL AND place_region IS NULL AND (written_zone IS NULL OR provider IS NOT NULL)
), near_region AS (
    SELECT scenario_id,
        array_to_string(max_by(name, jaro_winkler_similarity(lower(region_written), lower(name)), 3), ', ') AS names
    FROM (
        SELECT u.scenario_id, u.region_written, r.region AS name
        FROM unknown_region u
        JOIN reference.region r ON u.provider IS NULL OR r.provider = u.provider
            OR u.provider NOT IN (SELECT provider FROM reference.region)
        UNION SELECT u.scenario_id, u.region_written, z.zone
        FROM unknown_region u CROSS JOIN petaday_zone z WHERE u.provider IS NULL)
    GROUP BY scenario_id
), country AS (
    SELECT u.scenario_id, c.name AS country, coalesce(c.grid_zone, c.country_code) AS country_zone, c.country_code,
        u.provider
    FROM unknown_region u
    JOIN {country_relation} c ON lower(u.region_written) IN (lower(c.name), lower(c.country_code),
        lower(c.country_code_alpha3))
), of_country AS (
    -- A country by its name: its grid zones, or the regions that the provider has in it.
    SELECT scenario_id, any_value(country) AS country, any_value(provider) AS provider, count(*) AS name_count,
        list(name ORDER BY length(name), name) AS names
    FROM (
        SELECT c.scenario_id, c.country, c.provider, z.zone AS name
        FROM country c JOIN petaday_zone z ON z.zone = c.country_zone OR starts_with(z.zone, c.country_zone || '-')
        WHERE c.provider IS NULL
        UNION SELECT c.scenario_id, c.country, c.provider, r.region
        FROM country c JOIN reference.region r ON r.provider = c.provider AND r.country_code = c.country_code)
    GROUP BY scenario_id
), first_seen AS (
    -- From the log itself: the view on it would compute the whole history.
    SELECT
        (SELECT min(nullif(valid_from, TIMESTAMPTZ '{unknown_start}'))
         FROM observed.cloud_rate_log WHERE is_offered) AS rate_at,
        (SELECT min(valid_from) FROM observed.grid_carbon_log WHERE is_offered) AS grid_at
), measured AS (
    -- The same quantity by each way that the scenario gives it, with the extent of the bands given.
    SELECT *, coalesce(given_active_parameters_count, given_parameters_count) IS NOT NULL
        AND given_tokens_count IS NOT NULL AS has_own_tokens,
        coalesce(given_flop_per_parameter_token, model_flop_per_parameter_token, 6) AS k,
        coalesce(given_attention_flop_per_token, CASE WHEN include_attention THEN model_attention END, 0) AS attention,
        given_achieved_flop_per_s_per_gpu AS rate, achieved_flop_per_s(peak, given_utilization_share) AS rate_of_peak,
        gpu_hours_of_run(given_accelerator_count, given_duration_days) AS count_hours
    FROM s
), compared AS (
    SELECT *, training_flop_with_attention(parameters, tokens, k, attention) AS token_flop,
        CASE WHEN given_training_flop IS NOT NULL THEN given_training_flop
            WHEN is_flop_of_tokens THEN training_flop_with_attention(parameters, tokens, k, attention)
            WHEN is_flop_of_model THEN model_flop END AS flop,
        CASE WHEN given_training_flop IS NOT NULL THEN format('training_flop {{:.4g}}', given_training_flop)
            WHEN is_flop_of_tokens
                THEN format('{{:g}} FLOP x {{:.4g}} parameters x {{:.4g}} tokens', k, parameters, tokens)
            WHEN is_flop_of_model THEN format('training_flop {{:.4g}} of {{}}', model_flop, model_id) END AS flop_words,
        {flop_width} AS flop_width, {rate_width} AS rate_width, {hours_width} AS hours_width,
        {count_width} AS count_width, {token_width} AS token_width, {energy_width} AS energy_width,
        coalesce(rate, rate_of_peak) AS run_rate,
        CASE WHEN rate IS NOT NULL THEN format('{{:.4g}} FLOP/s', rate)
            ELSE format('{{:.4g}} FLOP/s ({{:.4g}} x utilization_share {{:g}})', rate_of_peak, peak,
                given_utilization_share) END AS rate_words,
        CASE WHEN given_gpu_hours IS NOT NULL THEN format('{{:.6g}} GPU-hours', given_gpu_hours)
            ELSE format('{{:g}} accelerators x {{:g}} days', given_accelerator_count,
                given_duration_days) END AS hours_words
    FROM measured
), contradiction AS (
    SELECT scenario_id, 'training_flop' AS field, given_training_flop AS one, token_flop AS other,
        flop_width + token_width AS width,
        format('training_flop {{:.4g}} against {{:g}} x {{:.4g}} parameters x {{:.4g}} tokens = {{:.4g}} FLOP',
            given_training_flop, k, parameters, tokens, token_flop) AS words
    FROM compared WHERE given_training_flop IS NOT NULL AND has_own_tokens
    UNION ALL
    SELECT scenario_id, 'gpu_hours', given_gpu_hours, count_hours, hours_width + count_width,
        format('gpu_hours {{:.6g}} against {{:g}} accelerators x {{:g}} days x 24 = {{:.6g}}', given_gpu_hours,
            given_accelerator_count, given_duration_days, count_hours)
    FROM compared WHERE given_gpu_hours IS NOT NULL AND count_hours IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'FLOP, GPU-hours and throughput', flop, flop_of_gpu_hours(run_hours, run_rate),
        CASE WHEN given_training_flop IS NOT NULL THEN flop_width ELSE token_width END
            + CASE WHEN given_gpu_hours IS NOT NULL THEN hours_width ELSE count_width END + rate_width,
        format('{{}} = {{:.4g}} FLOP against {{}} x {{}} = {{:.4g}} FLOP', flop_words, flop, hours_words, rate_words,
            flop_of_gpu_hours(run_hours, run_rate))
    FROM compared WHERE flop IS NOT NULL AND run_hours IS NOT NULL AND run_rate IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'achieved_flop_per_s_per_gpu', rate, rate_of_peak, rate_width,
        format(
            'achieved_flop_per_s_per_gpu {{:.4g}} against peak {{:.4g}} x utilization_share {{:g}} = {{:.4g}} FLOP/s',
            rate, peak, given_utilization_share, rate_of_peak)
    FROM compared WHERE rate IS NOT NULL AND rate_of_peak IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'energy_kwh', given_energy_kwh, facility_energy_kwh(given_it_energy_kwh, given_pue),
        energy_width,
        format('energy_kwh {{:.6g}} against it_energy_kwh {{:.6g}} x PUE {{:g}} = {{:.6g}} kWh', given_energy_kwh,
            given_it_energy_kwh, given_pue, facility_energy_kwh(given_it_energy_kwh, given_pue))
    FROM compared WHERE given_energy_kwh IS NOT NULL AND given_it_energy_kwh IS NOT NULL AND given_pue IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'energy_kwh', given_energy_kwh, energy_kwh(run_hours, given_power_w_per_gpu, given_pue),
        energy_width + CASE WHEN given_gpu_hours IS NOT NULL THEN hours_width ELSE count_width END,
        format('energy_kwh {{:.6g}} against {{}} x {{:g}} W x PUE {{:g}} = {{:.6g}} kWh', given_energy_kwh, hours_words,
            given_power_w_per_gpu, given_pue, energy_kwh(run_hours, given_power_w_per_gpu, given_pue))
    FROM compared
    WHERE given_energy_kwh IS NOT NULL AND run_hours IS NOT NULL AND given_power_w_per_gpu IS NOT NULL
        AND given_pue IS NOT NULL
    UNION ALL
    SELECT scenario_id, 'it_energy_kwh', given_it_energy_kwh, it_energy_kwh(run_hours, given_power_w_per_gpu),
        energy_width + CASE WHEN given_gpu_hours IS NOT NULL THEN hours_width ELSE count_width END,
        format('it_energy_kwh {{:.6g}} against {{}} x {{:g}} W = {{:.6g}} kWh', given_it_energy_kwh, hours_words,
            given_power_w_per_gpu, it_energy_kwh(run_hours, given_power_w_per_gpu))
    FROM compared WHERE given_it_energy_kwh IS NOT NULL AND run_hours IS NOT NULL AND given_power_w_per_gpu IS NOT NULL
)
SELECT scenario_id, 1 AS priority,
    format('model: {{}} is not in reference.model; closest are {{}}; or give parameters_count and tokens_count{{}}',
        model_written, names, {assumption_note}) AS problem
FROM s JOIN near_model USING (scenario_id)
UNION ALL
SELECT scenario_id, 2,
    format('accelerator: {{}} is not in reference.accelerator; closest are {{}}', accelerator_written, names)
FROM s JOIN near_accelerator USING (scenario_id)
UNION ALL
SELECT scenario_id, 2,
    format('accelerator: {{}} may be any of {{}}; give one of these', accelerator_written, accelerator_ids)
FROM s WHERE accelerator_matches > 1
UNION ALL SELECT scenario_id, 3, format('provider: {{}} is not known; closest are {{}}', provider_written, names)
FROM s JOIN near_provider USING (scenario_id)
UNION ALL
SELECT scenario_id, 4,
    format('region: {{}} is not a region{{}}; {{}}', region_written,
        coalesce(' of ' || provider_written, ' or grid zone'),
        CASE WHEN o.country IS NULL THEN 'closest are ' || coalesce(n.names, 'none')
            ELSE format('{{}} of {{}}: {{}}{{}}', CASE WHEN o.provider IS NULL THEN 'grid zones' ELSE 'its regions' END,
                o.country, array_to_string(o.names[:12], ', '),
                CASE WHEN o.name_count > 12 THEN format(' and {{}} more', o.name_count - 12) ELSE '' END) END)
FROM unknown_region LEFT JOIN near_region n USING (scenario_id) LEFT JOIN of_country o USING (scenario_id)
WHERE scenario_id NOT IN (SELECT scenario_id FROM near_provider)
UNION ALL
SELECT scenario_id, 4,
    format('region: {{}} is a region of {{}} in different grid zones; give the provider too', region_written,
        region_providers)
FROM s WHERE zone_count > 1
UNION ALL
SELECT scenario_id, 5,
    format('{{}}: {{}} is before the first observation of a price, {{}}; give usd_per_gpu_hour or a later date',
        as_of_name, strftime(as_of_at, '%Y-%m-%d'), strftime(rate_at, '%Y-%m-%d'))
FROM s CROSS JOIN first_seen
WHERE {early_is_refused} AND is_as_of_given AND as_of_at < rate_at AND given_usd_per_gpu_hour IS NULL
    AND accelerator_id IS NOT NULL
UNION ALL
SELECT scenario_id, 5,
    format('{{}}: {{}} is before the first observation of grid carbon, {{}}; give grid_gco2e_per_kwh or a later date',
        as_of_name, strftime(as_of_at, '%Y-%m-%d'), strftime(grid_at, '%Y-%m-%d'))
FROM s CROSS JOIN first_seen
WHERE {early_is_refused} AND is_as_of_given AND as_of_at < grid_at AND given_grid_gco2e_per_kwh IS NULL
    AND zone IS NOT NULL
UNION ALL
SELECT scenario_id, 5,
    format('{{}}: {{}} lies more than a year ahead; allowed is up to {{}}', as_of_name, strftime(as_of_at, '%Y-%m-%d'),
        strftime(computed_at + INTERVAL 1 YEAR, '%Y-%m-%d'))
FROM s WHERE is_as_of_given AND as_of_at > computed_at + INTERVAL 1 YEAR
UNION ALL
SELECT scenario_id, 5,
    'start_at: how long the run takes is not known; give duration_days, or accelerator_count beside gpu_hours or an '
    'accelerator'
FROM petaday_run WHERE wall_hours IS NULL
UNION ALL
SELECT scenario_id, 5,
    'start_at: where the run takes place is not known; give region, or grid_gco2e_per_kwh instead of start_at'
FROM s WHERE start_at IS NOT NULL AND region_written IS NULL AND given_grid_gco2e_per_kwh IS NULL
UNION ALL
SELECT scenario_id, 6,
    CASE WHEN model_architecture LIKE '%encoder_decoder'
            THEN format(
                'include_attention: {{}} is an encoder-decoder, whose attention depends on the lengths of source and '
                'target; give encoder_layers, decoder_layers, heads, head_dim, source_tokens and target_tokens, or '
                'attention_flop_per_token, or leave it out',
                model_id)
        ELSE 'include_attention: needs a model with published layers, heads and length of its training sequences; '
             'give attention_flop_per_token, or layers, heads, head_dim and context_tokens, or leave it out' END
FROM s WHERE include_attention AND given_attention_flop_per_token IS NULL AND model_attention IS NULL
UNION ALL
SELECT scenario_id, 7,
    format('achieved_flop_per_s_per_gpu: {{:.4g}} given; allowed is at most the peak of {{}}, {{:.4g}} FLOP/s', rate,
        accelerator_id, reference_peak_limit)
FROM compared WHERE rate > reference_peak_limit * {tolerance}
UNION ALL
-- Boards with their host draw up to five times their board power (one small card to a server); a whole server of eight
-- draws more.
SELECT scenario_id, 7,
    format(
        'power_w_per_gpu: {{:g}} given, {{:.3g}} times the board power of {{}}, {{:g}} W; allowed is at most 8 times: '
        'one accelerator with its share of the server, not a whole one',
        given_power_w_per_gpu, given_power_w_per_gpu / tdp_w, coalesce(accelerator_id, 'the accelerator'), tdp_w)
FROM compared WHERE NOT is_accelerator_of_model AND given_power_w_per_gpu > 8 * tdp_w
UNION ALL
-- The same of energy, where MWh were taken for kWh: a board that waits draws about a tenth of its power, not a fiftieth.
SELECT scenario_id, 7,
    format(
        '{{}} and GPU-hours: {{:g}} kWh in {{}} is {{:.4g}} W per GPU, {{:.3g}} times the board power of {{}}, {{:g}} W; '
        'allowed is 0.02 to 8 times: check the units',
        energy_name, stated_kwh, hours_words, server_w, server_w / tdp_w, coalesce(accelerator_id, 'the accelerator'),
        tdp_w)
FROM (
    SELECT *, coalesce(given_it_energy_kwh, given_energy_kwh) AS stated_kwh,
        CASE WHEN given_it_energy_kwh IS NOT NULL THEN 'it_energy_kwh' ELSE 'energy_kwh' END AS energy_name,
        coalesce(given_it_energy_kwh, given_energy_kwh / coalesce(given_pue, 1)) * 1000 / run_hours AS server_w
    FROM compared
)
WHERE NOT is_accelerator_of_model AND (server_w > 8 * tdp_w OR server_w < tdp_w / 50)
UNION ALL
-- A peak in fewer bits may be meant; then the utilisation is that of another peak, which the file must say.
SELECT scenario_id, 7,
    format(
        'achieved_flop_per_s_per_gpu: {{:.4g}} given, above the dense 16-bit peak of {{}}, {{:.4g}} FLOP/s; in '
        'another number format give its peak_flop_per_s_per_gpu',
        rate, accelerator_id, reference_peak)
FROM compared
WHERE NOT is_accelerator_of_model AND given_peak_flop_per_s_per_gpu IS NULL AND rate > reference_peak * {tolerance}
    AND rate <= reference_peak_limit * {tolerance}
UNION ALL
SELECT scenario_id, 7,
    format(
        'FLOP and GPU-hours: {{}} = {{:.4g}} FLOP in {{}} is {{:.4g}} FLOP/s per GPU, above the dense 16-bit peak of '
        '{{}}, {{:.4g}}; in another number format give its peak_flop_per_s_per_gpu',
        flop_words, flop, hours_words, achieved_flop_per_s_of_run(flop, run_hours), accelerator_id, reference_peak)
FROM compared
WHERE NOT is_accelerator_of_model AND given_peak_flop_per_s_per_gpu IS NULL
    AND achieved_flop_per_s_of_run(flop, run_hours) > reference_peak * {tolerance}
    AND achieved_flop_per_s_of_run(flop, run_hours) <= reference_peak_limit * {tolerance} AND rate IS NULL
UNION ALL
SELECT scenario_id, 7,
    format(
        'energy_kwh: {{:.6g}} kWh at the meter given, less than the {{:.6g}} kWh of it_energy_kwh at the servers; '
        'allowed is at least as much',
        given_energy_kwh, given_it_energy_kwh)
FROM compared WHERE given_pue IS NULL AND ln(given_it_energy_kwh / given_energy_kwh) > ln({tolerance}) + energy_width
UNION ALL
SELECT scenario_id, 7,
    format(
        'FLOP, GPU-hours and accelerator contradict each other: {{}} = {{:.4g}} FLOP in {{}} is {{:.4g}} FLOP/s per '
        'GPU, above the peak of {{}}, {{:.4g}}',
        flop_words, flop, hours_words, achieved_flop_per_s_of_run(flop, run_hours), accelerator_id,
        reference_peak_limit)
FROM compared
WHERE NOT is_accelerator_of_model AND achieved_flop_per_s_of_run(flop, run_hours) > reference_peak_limit * {tolerance}
UNION ALL
SELECT scenario_id, 8,
    format('{{}} contradict{{}}: {{}}, {{:.3g}} times apart; allowed are {{:g}}% for rounded inputs: leave one out',
        field, CASE WHEN contains(field, ',') THEN ' each other' ELSE 's the rest' END, words,
        greatest(one / other, other / one), 100 * ({tolerance} - 1))
FROM contradiction WHERE abs(ln(one / other)) > ln({tolerance}) + width ORDER BY scenario_id, priority, problem
