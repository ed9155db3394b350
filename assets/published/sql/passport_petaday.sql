-- Passports of petaday_history and build_adapt_buy: the offers of the day whose median the price is, and the token
-- prices of the month.
CREATE OR REPLACE MACRO _head_of_petaday(of_table, of_key) AS TABLE
    SELECT concat_ws('/', scenario_id, index_on, accelerator_id, purchase_option, method_version) AS root_key,
        scenario_id, 'cost_usd' AS quantity, method_version, low_usd AS low, cost_usd AS central, high_usd AS high,
        'USD' AS unit, 'estimated.petaday_history' AS table_name, accelerator_id, purchase_option, index_on
    FROM estimated.petaday_history
    WHERE of_table = 'petaday_history'
        AND starts_with(concat_ws('/', scenario_id, index_on, accelerator_id, purchase_option, method_version), of_key)
    UNION ALL BY NAME
    SELECT concat_ws('/', b.scenario_id, b.month_on, b.way, b.method_version) AS root_key, b.scenario_id,
        'break_even_mtok' AS quantity, b.method_version, coalesce(b.low_break_even_mtok, b.break_even_mtok) AS low,
        b.break_even_mtok AS central, b.high_break_even_mtok AS high, 'Mtoken' AS unit,
        CASE WHEN b.break_even_mtok IS NULL THEN b.verdict END AS reason, 'estimated.build_adapt_buy' AS table_name,
        b.accelerator_id, 'on_demand' AS purchase_option,
        (
            SELECT max(p.index_on)
            FROM estimated.price_index p
            WHERE p.accelerator_id = b.accelerator_id AND p.purchase_option = 'on_demand'
                AND date_trunc('month', p.index_on) = b.month_on) AS index_on,
        b.model_id, b.month_on, b.buy_vendor, b.buy_model, b.source_ids
    FROM estimated.build_adapt_buy b
    WHERE of_table = 'build_adapt_buy'
        AND starts_with(concat_ws('/', b.scenario_id, b.month_on, b.way, b.method_version), of_key);
COMMENT ON MACRO TABLE _head_of_petaday IS
    'Rows of petaday_history and build_adapt_buy in the form that passport walks from.';

CREATE OR REPLACE MACRO _reference_of_petaday(of_table, of_key) AS TABLE
    SELECT h.root_key, 'reference.scenario' AS table_name, h.scenario_id AS row_key
    FROM _head_of_petaday(of_table, of_key) h
    UNION ALL SELECT h.root_key, 'reference.accelerator', h.accelerator_id
    FROM _head_of_petaday(of_table, of_key) h WHERE h.accelerator_id IS NOT NULL
    UNION ALL SELECT h.root_key, 'reference.model', h.model_id
    FROM _head_of_petaday(of_table, of_key) h WHERE h.model_id IS NOT NULL
    UNION ALL SELECT h.root_key, 'reference.method_default', d.factor
    FROM _head_of_petaday(of_table, of_key) h, reference.method_default d
    WHERE d.factor IN ('utilization_share', 'power_share_of_tdp', 'pue');
COMMENT ON MACRO TABLE _reference_of_petaday IS
    'Reference facts that rows of petaday_history and build_adapt_buy took.';

-- As in estimated.price_index: the offers of one source for a provider on a day.
CREATE OR REPLACE MACRO _observation_of_petaday(of_table, of_key) AS TABLE
    WITH offer AS (
        SELECT h.root_key,
            _offer_row_key(o.provider, o.region, o.instance_type, o.purchase_option, o.price_component, o.offer_variant,
                o.source_id, o.scope, o.valid_from) AS row_key,
            o.provider, o.source_id, o.source_rank, offers_said(h.root_key, o.provider, o.source_id) AS said_count
        FROM _head_of_petaday(of_table, of_key) h
        JOIN observed.cloud_offer o ON o.accelerator_id = h.accelerator_id AND o.purchase_option = h.purchase_option
            AND o.price_usd_per_gpu_hour > 0 AND (o.counts_from AT TIME ZONE 'UTC')::DATE <= h.index_on
            AND (o.counts_to AT TIME ZONE 'UTC')::DATE > h.index_on),
    spoken AS (
        SELECT o.root_key, o.row_key
        FROM offer o QUALIFY is_spoken(o.root_key, o.provider, o.source_rank, o.said_count, o.source_id))
    SELECT s.root_key, r.*
    FROM spoken s JOIN _row_of_observed('cloud_rate') r ON r.row_key = s.row_key
    UNION ALL BY NAME SELECT h.root_key, r.*
    FROM _head_of_petaday(of_table, of_key) h
    JOIN _row_of_observed('token_price') r ON r.source_id = h.source_ids
        AND (starts_with(r.row_key, concat_ws('/', h.buy_vendor, h.buy_model, 'input', 'standard', 0, ''))
            OR starts_with(r.row_key, concat_ws('/', h.buy_vendor, h.buy_model, 'output', 'standard', 0, '')))
        AND r.valid_from < least((h.month_on + INTERVAL 1 MONTH) AT TIME ZONE 'UTC', now())
        AND (r.valid_to IS NULL OR r.valid_to >= least((h.month_on + INTERVAL 1 MONTH) AT TIME ZONE 'UTC', now()));
COMMENT ON MACRO TABLE _observation_of_petaday IS
    'Observed offers and token prices behind rows of petaday_history and build_adapt_buy.';
