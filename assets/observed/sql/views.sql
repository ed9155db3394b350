-- USD for one unit of each currency by day, from whoever published it that day (the ECB before the starter set).
CREATE OR REPLACE VIEW observed.usd_rate AS
WITH quoted AS (
    SELECT source_id, base_currency_code, currency_code, valid_from, rate_per_base, capture_id
    FROM observed.exchange_rate),
usd AS (SELECT source_id, base_currency_code, valid_from, rate_per_base FROM quoted WHERE currency_code = 'USD'),
rate AS (
    SELECT q.currency_code, q.valid_from, u.rate_per_base / q.rate_per_base AS usd_per_unit, q.source_id, q.capture_id
    FROM quoted q JOIN usd u USING (source_id, base_currency_code, valid_from) WHERE q.currency_code <> 'USD'
    UNION ALL
    SELECT q.base_currency_code, q.valid_from, q.rate_per_base, q.source_id, q.capture_id FROM quoted q
    WHERE q.currency_code = 'USD'
    UNION ALL
    SELECT q.currency_code, q.valid_from, 1 / q.rate_per_base, q.source_id, q.capture_id FROM quoted q
    WHERE q.base_currency_code = 'USD')
SELECT * FROM rate
QUALIFY row_number() OVER (PARTITION BY currency_code, valid_from
    ORDER BY source_id LIKE 'starter%', source_id) = 1;
COMMENT ON VIEW observed.usd_rate IS 'USD for one unit of a currency by day, from published reference rates.';

-- The same for every day: a rate is carried forward over weekends and to the next month-end of the starter set, 45 days
-- at most.
CREATE OR REPLACE VIEW observed.usd_rate_day AS
SELECT currency_code,
    unnest(range(valid_from, least(next_from, valid_from + INTERVAL 45 DAY), INTERVAL 1 DAY))::DATE AS rate_on,
    usd_per_unit, source_id, capture_id
FROM (
    SELECT currency_code, valid_from AT TIME ZONE 'UTC' AS valid_from, usd_per_unit, source_id, capture_id,
        coalesce(lead(valid_from) OVER (PARTITION BY currency_code ORDER BY valid_from) AT TIME ZONE 'UTC',
            TIMESTAMP '9999-01-01') AS next_from
    FROM observed.usd_rate);
COMMENT ON VIEW observed.usd_rate_day IS
    'USD for one unit of a currency for every day: the last published rate, carried forward 45 days at most.';

-- Offers whose accelerator could not be told: listed, never guessed.
CREATE OR REPLACE VIEW observed.unmatched_accelerator AS
SELECT provider, accelerator_name, accelerator_memory_gib, count(*) AS instance_type_count,
    min(instance_type) AS example_instance_type
FROM observed.accelerator_match WHERE accelerator_id IS NULL GROUP BY ALL ORDER BY instance_type_count DESC;
COMMENT ON VIEW observed.unmatched_accelerator IS
    'Accelerator names of offers that no rule of reference.accelerator_alias tells apart.';

-- Every source and what became of its last captures.
CREATE OR REPLACE VIEW meta.source_status AS
WITH batch AS (
    SELECT batch_id, source_id, any_value(fetched_at) AS fetched_at, any_value(outcome) AS outcome,
        any_value(message) AS message, any_value(row_count) AS row_count, any_value(changed_count) AS changed_count,
        any_value(rejected_count) AS rejected_count, max(recorded_at) AS recorded_at
    FROM meta.capture GROUP BY ALL),
good AS (
    SELECT source_id, max(fetched_at) AS last_good_at, max(fetched_at) FILTER (changed_count > 0) AS last_changed_at,
        sum(changed_count)::BIGINT AS changed_count,
        count(*) AS good_capture_count
    FROM batch WHERE outcome IN ('loaded', 'unchanged') GROUP BY ALL),
latest AS (
    SELECT * FROM batch
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY recorded_at DESC, fetched_at DESC) = 1)
SELECT s.source_id, s.subject, s.title, s.is_bundled, s.key_name, s.cadence, g.last_good_at,
    now() - g.last_good_at AS age, g.last_changed_at, g.last_good_at - g.last_changed_at AS unchanged_for,
    l.outcome AS last_outcome,
    CASE WHEN l.outcome = 'rejected' THEN l.message END AS last_message,
    l.row_count AS last_row_count,
    coalesce(g.good_capture_count, 0) AS good_capture_count, coalesce(g.changed_count, 0) AS changed_count,
    l.rejected_count AS last_rejected_count
FROM meta.source s LEFT JOIN good g USING (source_id) LEFT JOIN latest l USING (source_id)
ORDER BY s.subject, s.source_id;
COMMENT ON VIEW meta.source_status IS 'Per source: last good capture and its age, when it last said something new, last outcome, rows.';
