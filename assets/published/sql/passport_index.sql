-- Passports of the indices (price_index with price_link and price_offer, grid_day, green_trial, green_window): what
-- passport_walk.sql walks from.
CREATE OR REPLACE MACRO _head_of_index(of_table, of_key) AS TABLE
    SELECT root_key, method_version, value AS central, unit, told, reason,
        'estimated.' || of_table AS table_name
    FROM (
        SELECT concat_ws('/', accelerator_id, purchase_option, index_on, method_version) AS root_key, method_version,
            index_usd_per_gpu_hour AS value, 'USD/GPU-hour' AS unit,
            format(
                'median {:.6g} of {} providers ({} offers), quartiles {:.6g} to {:.6g}, cheapest {:.6g}; {:.6g} '
                'points of chain {}, ',
                median_usd_per_gpu_hour, provider_count, offer_count, lower_quartile_usd_per_gpu_hour,
                upper_quartile_usd_per_gpu_hour, cheapest_usd_per_gpu_hour, index_points, chain_number)
                || CASE WHEN matched_provider_count = 0 THEN 'which begins here'
                ELSE format('tied by {} providers to the day of change before', matched_provider_count) END AS told
        FROM estimated.price_index
        WHERE of_table = 'price_index'
            AND starts_with(concat_ws('/', accelerator_id, purchase_option, index_on, method_version), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', accelerator_id, purchase_option, index_on, method_version) AS root_key, method_version,
            median_usd_per_gpu_hour AS value, 'USD/GPU-hour' AS unit,
            format('median of {} providers ({} offers), quartiles {:.6g} to {:.6g}, cheapest {:.6g}; ', provider_count,
                offer_count, lower_quartile_usd_per_gpu_hour, upper_quartile_usd_per_gpu_hour,
                cheapest_usd_per_gpu_hour) || coalesce(format('moved by {:.4g}% on offers of {} providers',
                    100 * (exp(log_move) - 1), matched_provider_count),
                'nothing ties it to the day of change before') AS told,
            CASE WHEN offer_count = 0 THEN 'nothing is offered from this day on' END AS reason
        FROM estimated.price_link
        WHERE of_table = 'price_link'
            AND starts_with(concat_ws('/', accelerator_id, purchase_option, index_on, method_version), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', accelerator_id, purchase_option, offer_key, began_on) AS root_key,
            (SELECT max(k.method_version) FROM estimated.price_link k) AS method_version,
            price_usd_per_gpu_hour AS value, 'USD/GPU-hour' AS unit,
            format('offer of {} by {}', provider, source_id)
                || coalesce(format(', {:.6g} before', price_before_usd_per_gpu_hour), '') AS told
        FROM estimated.price_offer
        WHERE of_table = 'price_offer'
            AND starts_with(concat_ws('/', accelerator_id, purchase_option, offer_key, began_on), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', zone, source_id, resolution, basis_method, basis_boundary, basis_accounting, basis_kind,
            day_on, method_version) AS root_key,
            method_version, intensity_hours_gco2e_per_kw AS value, 'gCO2e/kW' AS unit,
            format('{} slots, {:.6g} h, {:.6g} to {:.6g} gCO2e/kWh', slot_count, covered_hours, lowest_gco2e_per_kwh,
                highest_gco2e_per_kwh) AS told
        FROM estimated.grid_day
        WHERE of_table = 'grid_day'
            AND starts_with(concat_ws('/', zone, source_id, resolution, basis_method, basis_boundary, basis_accounting,
                    basis_kind, day_on, method_version), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, asked_on,
            method_version) AS root_key,
            method_version, advised_gco2e_per_kwh AS value, 'gCO2e/kWh' AS unit,
            format('{} trials; at once {:.6g}, best start {:.6g}', trial_count, now_gco2e_per_kwh,
                perfect_gco2e_per_kwh) AS told
        FROM estimated.green_trial
        WHERE of_table = 'green_trial'
            AND starts_with(concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, asked_on,
                    method_version), of_key)
        UNION ALL BY NAME
        SELECT concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, method_version) AS root_key,
            method_version, advised_gco2e_per_kwh AS value, 'gCO2e/kWh' AS unit,
            format('{} trials from {} to {}; at once {:.6g}, best start {:.6g}', trial_count, first_on, last_on,
                now_gco2e_per_kwh, perfect_gco2e_per_kwh) AS told
        FROM estimated.green_window
        WHERE of_table = 'green_window'
            AND starts_with(concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, method_version),
                of_key));
COMMENT ON MACRO TABLE _head_of_index IS 'Rows of the indices in the form that passport walks from.';

CREATE OR REPLACE MACRO _reference_of_index(of_table, of_key) AS TABLE
    SELECT concat_ws('/', accelerator_id, purchase_option, index_on, method_version) AS root_key,
        'reference.accelerator' AS table_name, accelerator_id AS row_key
    FROM estimated.price_index
    WHERE of_table = 'price_index'
        AND starts_with(concat_ws('/', accelerator_id, purchase_option, index_on, method_version), of_key);
COMMENT ON MACRO TABLE _reference_of_index IS 'Reference facts that rows of the indices took.';

-- The offers of a day, those of one source for each provider: rules 1 and 2 of estimated.price_index.
CREATE OR REPLACE MACRO _offer_of_index(of_table, of_key) AS TABLE
    WITH row_wanted AS (
        SELECT concat_ws('/', accelerator_id, purchase_option, index_on, method_version) AS root_key, accelerator_id,
            purchase_option, index_on
        FROM estimated.price_index
        WHERE of_table = 'price_index'
            AND starts_with(concat_ws('/', accelerator_id, purchase_option, index_on, method_version), of_key)
        UNION ALL
        SELECT concat_ws('/', accelerator_id, purchase_option, index_on, method_version), accelerator_id,
            purchase_option, index_on
        FROM estimated.price_link
        WHERE of_table = 'price_link'
            AND starts_with(concat_ws('/', accelerator_id, purchase_option, index_on, method_version), of_key)),
    counted AS (
        SELECT o.*, (o.counts_from AT TIME ZONE 'UTC')::DATE AS from_on, (o.counts_to AT TIME ZONE 'UTC')::DATE AS to_on
        FROM observed.cloud_offer o
        WHERE o.price_usd_per_gpu_hour > 0 AND o.accelerator_id IN (SELECT accelerator_id FROM row_wanted)),
    said AS (
        SELECT w.root_key, o.*, offers_said(w.root_key, o.provider, o.source_id) AS said_count
        FROM row_wanted w
        JOIN counted o ON o.accelerator_id = w.accelerator_id AND o.purchase_option = w.purchase_option
            AND o.from_on <= w.index_on AND w.index_on < o.to_on)
    SELECT root_key, 'observed.cloud_rate' AS table_name,
        _offer_row_key(provider, region, instance_type, purchase_option, price_component, offer_variant, source_id,
            scope, valid_from) AS row_key,
        price_amount_per_hour AS value, currency_code || '/h' AS unit, source_id, valid_from, valid_to, observed_at,
        capture_id, currency_code, provider, region, instance_type, purchase_option, accelerator_name,
        accelerator_memory_gib, accelerator_id, price_usd_per_gpu_hour AS usd_value
    FROM said QUALIFY is_spoken(root_key, provider, source_rank, said_count, source_id);
COMMENT ON MACRO TABLE _offer_of_index IS
    'Offers behind rows of price_index and price_link, as rows of observed.cloud_rate.';

CREATE OR REPLACE MACRO _offer_of_price_offer(of_table, of_key) AS TABLE
    SELECT concat_ws('/', w.accelerator_id, w.purchase_option, w.offer_key, w.began_on) AS root_key,
        'observed.cloud_rate' AS table_name,
        _offer_row_key(o.provider, o.region, o.instance_type, o.purchase_option, o.price_component, o.offer_variant,
            o.source_id, o.scope, o.valid_from) AS row_key,
        o.price_amount_per_hour AS value, o.currency_code || '/h' AS unit, o.source_id, o.valid_from, o.valid_to,
        o.observed_at, o.capture_id, o.currency_code, o.provider, o.region, o.instance_type, o.purchase_option,
        o.accelerator_name, o.accelerator_memory_gib, o.accelerator_id, o.price_usd_per_gpu_hour AS usd_value
    FROM estimated.price_offer w
    JOIN observed.cloud_offer o ON o.accelerator_id = w.accelerator_id AND o.purchase_option = w.purchase_option
        AND _price_offer_key(o.source_id, o.scope, o.provider, o.region, o.instance_type, o.offer_variant) = w.offer_key
        AND (o.counts_from AT TIME ZONE 'UTC')::DATE = w.began_on AND o.valid_to IS NOT DISTINCT FROM w.valid_to
    WHERE of_table = 'price_offer'
        AND starts_with(concat_ws('/', w.accelerator_id, w.purchase_option, w.offer_key, w.began_on), of_key);
COMMENT ON MACRO TABLE _offer_of_price_offer IS 'The row of observed.cloud_rate that a row of price_offer is.';

-- A year of slots is summarised by capture: their number, first and last, and mean. Resolution NULL: all of an hour or
-- less.
CREATE OR REPLACE MACRO _slots_of_index(of_table, of_key) AS TABLE
    WITH row_wanted AS (
        SELECT concat_ws('/', zone, source_id, resolution, basis_method, basis_boundary, basis_accounting, basis_kind,
            day_on, method_version) AS root_key,
            zone, source_id, basis_boundary, [basis_kind] AS kinds, basis_method, basis_accounting,
            resolution, day_on AS first_on, day_on AS last_on
        FROM estimated.grid_day
        WHERE of_table = 'grid_day'
            AND starts_with(concat_ws('/', zone, source_id, resolution, basis_method, basis_boundary, basis_accounting,
                    basis_kind, day_on, method_version), of_key)
        UNION ALL
        -- What is expected of an hour comes from the 28 days up to the trial; it is judged by the days that a job and
        -- its wait may take.
        SELECT concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, asked_on, method_version),
            zone, source_id, basis_boundary, ['actual', 'estimated'], 'average', 'location',
            NULL, asked_on - 28,
            asked_on + ((18 + horizon_hours + job_hours) // 24)::INTEGER
        FROM estimated.green_trial
        WHERE of_table = 'green_trial'
            AND starts_with(concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, asked_on,
                    method_version), of_key)
        UNION ALL
        SELECT concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, method_version), zone,
            source_id, basis_boundary, ['actual', 'estimated'], 'average', 'location',
            NULL, first_on - 28,
            last_on + ((18 + horizon_hours + job_hours) // 24)::INTEGER
        FROM estimated.green_window
        WHERE of_table = 'green_window'
            AND starts_with(concat_ws('/', zone, source_id, basis_boundary, job_hours, horizon_hours, method_version),
                of_key))
    SELECT w.root_key, 'observed.grid_carbon' AS table_name,
        concat_ws('/', g.zone, g.resolution, g.basis_method, g.basis_boundary, g.basis_accounting, g.basis_kind,
            count(*) || ' slots', g.source_id, g.scope) AS row_key,
        avg(g.intensity_gco2e_per_kwh) AS value, 'gCO2e/kWh' AS unit, g.source_id, min(g.valid_from) AS valid_from,
        max(g.valid_to) AS valid_to, max(g.observed_at) AS observed_at, g.capture_id
    FROM row_wanted w
    JOIN observed.grid_carbon g ON g.zone = w.zone AND g.source_id = w.source_id AND g.basis_boundary = w.basis_boundary
        AND g.basis_method = w.basis_method AND g.basis_accounting = w.basis_accounting
        AND list_contains(w.kinds, g.basis_kind)
        AND CASE WHEN w.resolution IS NULL THEN is_hourly(g.resolution) ELSE g.resolution = w.resolution END
        AND (g.valid_from AT TIME ZONE 'UTC')::DATE BETWEEN w.first_on AND w.last_on
    GROUP BY w.root_key, g.zone, g.resolution, g.basis_method, g.basis_boundary, g.basis_accounting, g.basis_kind,
        g.source_id, g.scope, g.capture_id;
COMMENT ON MACRO TABLE _slots_of_index IS
    'Slots behind rows of grid_day, green_trial and green_window, summarised by capture.';

CREATE OR REPLACE MACRO _observation_of_index(of_table, of_key) AS TABLE
    FROM _offer_of_index(of_table, of_key)
    UNION ALL BY NAME FROM _offer_of_price_offer(of_table, of_key)
    UNION ALL BY NAME FROM _slots_of_index(of_table, of_key);
COMMENT ON MACRO TABLE _observation_of_index IS 'Observed rows behind rows of the indices.';
