-- From a published number back to the bytes that it came from, in SQL. Where each family of tables starts is in
-- passport_<family>.sql: its rows (_head_of_), the reference facts (_reference_of_) and the observed rows
-- (_observation_of_) that they took.

CREATE OR REPLACE MACRO _figure_told(number) AS
    CASE WHEN abs(number) >= 1e5 AND abs(number) < 1e12 THEN format('{:,}', round(number)::BIGINT)
        ELSE regexp_replace(format('{:.6g}', number), '^(-?\d{1,3})(\d{3})(\.|$)', '\1,\2\3') END;
COMMENT ON MACRO _figure_told IS
    'A number as people write it: 1,012,359; small ones with six digits, powers of ten from 1e12 on.';

CREATE OR REPLACE MACRO _band_told(low, high, unit) AS
    format('p5 {} to p95 {}', _figure_told(low), _figure_told(high))
        || CASE WHEN unit <> '1' THEN ' ' || unit ELSE '' END;
COMMENT ON MACRO _band_told IS 'A band in words, with its unit; NULL where a side is not known.';

CREATE OR REPLACE MACRO _rate_wanted(origin_ref) AS
    regexp_extract(origin_ref,
        '\), (any provider|\S+) (.*?) ?(on_demand|spot|reserved_1y|reserved_3y|capacity_block), (\S+), as of',
        ['provider', 'region', 'purchase_option', 'accelerator_id']);
COMMENT ON MACRO _rate_wanted IS
    'What the offers behind a rate had to be, from the origin of its factor: provider, region, purchase option and '
    'accelerator.';

CREATE OR REPLACE MACRO passport(of_table, of_key := '') AS TABLE
    WITH estimate AS (
        FROM _head_of_nothing(of_table, of_key) UNION ALL BY NAME FROM query(_passport_call('head', of_table, of_key))),
    decided_by AS (FROM query(_passport_call('reference', of_table, of_key))),
    -- A quantity that names no factors of its own follows from all those of its scenario.
    named AS (
        SELECT e.* FROM estimate e SEMI JOIN estimated.factor f USING (scenario_id, quantity, method_version)),
    rest AS (SELECT * FROM estimate ANTI JOIN named USING (root_key)),
    used AS (
        SELECT n.root_key, n.as_of_at, f.*
        FROM named n JOIN estimated.factor f USING (scenario_id, quantity, method_version)
        UNION ALL BY NAME SELECT r.root_key, r.as_of_at, f.*
        FROM rest r
        JOIN (
            FROM estimated.factor
            QUALIFY row_number() OVER (PARTITION BY scenario_id, factor, method_version ORDER BY quantity) = 1) f
            USING (scenario_id, method_version)),
    factor AS (
        SELECT f.*,
            regexp_extract(f.origin_ref, 'reference\.(\w+)\[', 1) AS reference_table,
            replace(regexp_extract(f.origin_ref, 'reference\.\w+\[([^\]]+)\]', 1), ', ', '/') AS reference_key
        FROM used f),
    -- The observed rate of a factor is a quantile over offers; its origin says which: provider, region, option,
    -- accelerator.
    rate_wanted AS (
        SELECT root_key, factor, as_of_at, capture_id, _rate_wanted(origin_ref) AS wanted
        FROM factor WHERE origin_kind = 'observed' AND starts_with(origin_ref, 'observed.cloud_offer')),
    rate_said AS (
        SELECT w.root_key, w.factor, o.provider, o.source_id, o.source_rank,
            offers_said((w.root_key, w.factor), o.provider, o.source_id) AS said_count,
            o.region AS offer_region, nullif(w.wanted.region, 'any region') AS wanted_region,
            _offer_row_key(o.provider, o.region, o.instance_type, o.purchase_option, o.price_component, o.offer_variant,
                o.source_id, o.scope, o.valid_from) AS row_key
        FROM rate_wanted w
        JOIN observed.cloud_offer o ON o.accelerator_id = w.wanted.accelerator_id
            AND o.purchase_option = w.wanted.purchase_option
            AND (w.wanted.provider = 'any provider'
                OR list_contains(string_split(w.wanted.provider, ','), o.provider))
            AND o.counts_from <= w.as_of_at AND o.stands_to > w.as_of_at AND o.price_usd_per_gpu_hour > 0),
    rate_spoken AS (
        FROM rate_said WHERE is_at_place(offer_region, wanted_region)
        QUALIFY is_spoken((root_key, factor), provider, rank_at_place(source_rank, offer_region, wanted_region),
            said_count, source_id)),
    grid_wanted AS (
        SELECT root_key, factor, capture_id,
            replace(regexp_extract(origin_ref, 'observed\.grid_carbon\[([^\]]+)\]', 1), ', ', '/') || '/'
                || regexp_extract(origin_ref, ' from (\d{4}-\d\d-\d\d) (\d\d:\d\d)', 1) || 'T'
                || regexp_extract(origin_ref, ' from (\d{4}-\d\d-\d\d) (\d\d:\d\d)', 2) || 'Z/' AS prefix
        FROM factor
        WHERE origin_kind = 'observed' AND starts_with(origin_ref, 'observed.grid_carbon')
            AND NOT contains(origin_ref, '], 12 months from ')),
    -- Twelve months of slots, of which the factor names zone, resolution, basis, start and source.
    year_wanted AS (
        SELECT root_key, factor,
            regexp_extract(origin_ref,
                'observed\.grid_carbon\[(\S+), (\S+), average, (\S+), location, (\S+)\], 12 months from (\d{4}-\d\d-\d\d) \d\d:\d\d by ([^\s,;]+)',
                ['zone', 'resolution', 'boundary', 'kind', 'from_on', 'source_id']) AS wanted
        FROM factor WHERE origin_kind = 'observed' AND contains(origin_ref, '], 12 months from ')),
    grid_span AS (
        SELECT w.root_key, g.*
        FROM year_wanted w JOIN observed.grid_carbon_span g ON g.grain = 'yearly' AND g.zone = w.wanted.zone
            AND g.resolution = w.wanted.resolution AND g.basis_method = 'average' AND g.basis_accounting = 'location'
            AND g.basis_boundary = w.wanted.boundary AND g.basis_kind = w.wanted.kind
            AND g.source_id = w.wanted.source_id
            AND g.span_from = w.wanted.from_on::TIMESTAMP AT TIME ZONE 'UTC'),
    observation AS (
        SELECT o.row_key AS root_key, NULL AS factor, o.*
        FROM _row_of_observed(split_part(of_table, '.', -1)) o WHERE starts_with(o.row_key, of_key)
        UNION ALL BY NAME
        SELECT r.root_key, r.factor, o.* FROM rate_spoken r JOIN _row_of_observed('cloud_rate') o USING (row_key)
        UNION ALL BY NAME
        SELECT w.root_key, w.factor, o.* FROM grid_wanted w JOIN _row_of_observed('grid_carbon') o
            ON o.capture_id = w.capture_id AND starts_with(o.row_key, w.prefix)
        UNION ALL BY NAME SELECT 'grid_gco2e_per_kwh' AS factor, o.* FROM _slots_of_spans('grid_span') o
        UNION ALL BY NAME
        FROM query(_passport_call('observation', of_table, of_key))),
    converted AS (
        SELECT o.root_key, o.factor, o.row_key, u.currency_code, u.valid_from, u.usd_per_unit, u.capture_id, u.source_id
        FROM (
            SELECT *, coalesce(valid_from, observed_at) AS converted_at
            FROM observation WHERE currency_code <> 'USD' AND usd_value IS NOT NULL) o
        ASOF JOIN observed.usd_rate u ON u.currency_code = o.currency_code AND o.converted_at >= u.valid_from),
    mapped AS (
        SELECT o.root_key, o.factor, o.row_key, m.rule, m.accelerator_id, a.source_url,
            i.source_url AS instance_source_url
        FROM observation o
        JOIN observed.accelerator_match m ON m.provider = o.provider AND m.instance_type = o.instance_type
            AND m.accelerator_name IS NOT DISTINCT FROM o.accelerator_name
            AND m.accelerator_memory_gib IS NOT DISTINCT FROM o.accelerator_memory_gib
        LEFT JOIN reference.accelerator a ON a.accelerator_id = m.accelerator_id
        LEFT JOIN reference.instance_accelerator i ON lower(i.provider) = m.provider
            AND lower(i.instance_type) = lower(m.instance_type)),
    touched AS (
        SELECT root_key, capture_id, string_agg(DISTINCT part, ', ' ORDER BY part) AS parts FROM (
            SELECT root_key, capture_id, 'observation' AS part FROM observation
            UNION ALL SELECT root_key, capture_id, 'exchange rate' FROM converted
            UNION ALL SELECT root_key, capture_id, 'factor ' || factor FROM factor WHERE capture_id IS NOT NULL)
        GROUP BY ALL),
    referenced AS (
        SELECT f.root_key, f.factor, r.table_name, r.row_key, r.source_url, r.checked_on, r.note
        FROM factor f
        JOIN (
            FROM _row_of_reference('model')
            UNION ALL BY NAME FROM _row_of_reference('accelerator')
            UNION ALL BY NAME FROM _row_of_reference('region')
            UNION ALL BY NAME FROM _row_of_reference('method_default')
            UNION ALL BY NAME FROM _row_of_reference('embodied_carbon')) r
            ON r.table_name = 'reference.' || f.reference_table AND r.row_key = f.reference_key
        UNION ALL SELECT d.root_key, NULL, r.table_name, r.row_key, r.source_url, r.checked_on, r.note
        FROM decided_by d
        JOIN (
            FROM _row_of_reference('scenario')
            UNION ALL BY NAME FROM _row_of_reference('scenario_claim')
            UNION ALL BY NAME FROM _row_of_reference('model')
            UNION ALL BY NAME FROM _row_of_reference('accelerator')
            UNION ALL BY NAME FROM _row_of_reference('region')
            UNION ALL BY NAME FROM _row_of_reference('embodied_carbon')
            UNION ALL BY NAME FROM _row_of_reference('method_default')
            UNION ALL BY NAME FROM _row_of_reference('decision_default')
            UNION ALL BY NAME FROM _row_of_reference('compute_hub')) r
            ON r.table_name = d.table_name AND r.row_key = d.row_key
        UNION ALL SELECT r.row_key, NULL, r.table_name, r.row_key, r.source_url, r.checked_on, r.note
        FROM (
            FROM _row_of_reference(CASE WHEN starts_with(of_table, 'reference.') THEN split_part(of_table, '.', -1) END)
            UNION ALL BY NAME SELECT NULL AS source_url, NULL AS checked_on, NULL AS note
            WHERE false) r
        WHERE starts_with(r.row_key, of_key)),
    walk AS (
        SELECT root_key, 1 AS step, 'estimate' AS part, table_name AS said_in, root_key AS said_of, central AS value,
            unit,
            coalesce('unknown: ' || regexp_replace(reason, '^unknown: ', ''), told,
                _band_told(low, high, unit), format('p5 {}, no p95', _figure_told(low)), 'no band')
                || ', method ' || method_version
                || coalesce(', as of ' || strftime(as_of_at, '%Y-%m-%dT%H:%MZ'), '') AS meaning
        FROM estimate
        UNION ALL BY NAME
        SELECT root_key, 2 AS step, 'factor' AS part, 'estimated.factor' AS said_in, factor AS said_of, value, unit,
            origin_kind || ': ' || CASE WHEN low < high THEN _band_told(low, high, unit) || '; ' ELSE '' END
                || origin_ref AS meaning,
            source_url, capture_id
        FROM factor
        UNION ALL BY NAME
        SELECT root_key, 3 AS step,
            CASE r.table_name WHEN 'reference.method_default' THEN 'method default' ELSE 'reference' END AS part,
            r.table_name AS said_in, r.row_key AS said_of,
            concat_ws('; ', 'checked on ' || checked_on, note,
                'file ' || r.table_name || '.csv, SHA-256 ' || m.sha256) AS meaning,
            source_url
        FROM (SELECT DISTINCT * EXCLUDE (factor) FROM referenced) r
        LEFT JOIN meta.reference_file m ON 'reference.' || m.table_name = r.table_name
        UNION ALL BY NAME
        SELECT root_key, 4 AS step, 'observation' AS part, o.table_name AS said_in, o.row_key AS said_of, value, unit,
            'from ' || coalesce(strftime(valid_from, '%Y-%m-%dT%H:%MZ'), 'an unknown day')
                || coalesce(' to ' || strftime(valid_to, '%Y-%m-%dT%H:%MZ'), '') || ', by ' || source_id
                || coalesce(', comes to ' || printf('%.6g', usd_value) || ' USD', '') AS meaning,
            capture_id
        FROM observation o
        UNION ALL BY NAME
        SELECT root_key, 5 AS step, 'mapping' AS part, 'observed.accelerator_match' AS said_in, row_key AS said_of,
            'rule ' || rule || coalesce(' -> ' || accelerator_id, ': accelerator not told') AS meaning,
            coalesce(instance_source_url, source_url) AS source_url
        FROM mapped
        UNION ALL BY NAME
        SELECT root_key, 6 AS step, 'exchange rate' AS part, 'observed.usd_rate' AS said_in,
            currency_code || '/' || strftime(valid_from, '%Y-%m-%d') AS said_of, usd_per_unit AS value,
            'USD/' || currency_code AS unit, 'by ' || source_id AS meaning, capture_id
        FROM (SELECT DISTINCT * EXCLUDE (factor, row_key) FROM converted)
        UNION ALL BY NAME
        SELECT t.root_key, 7 AS step, 'capture' AS part, 'meta.capture' AS said_in, c.capture_id AS said_of,
            c.byte_count::DOUBLE AS value, 'byte' AS unit,
            'for ' || t.parts || '; outcome ' || c.outcome || ', parser version ' || c.parser_version
                || coalesce('; ' || s.attribution, '') AS meaning,
            s.licence_url AS source_url, c.capture_id, c.sha256, c.url, c.fetched_at, s.licence, c.path
        FROM touched t JOIN meta.capture c USING (capture_id) LEFT JOIN meta.source s ON s.source_id = c.source_id
        QUALIFY row_number() OVER (PARTITION BY t.root_key, c.capture_id ORDER BY c.load_number DESC) = 1)
    SELECT root_key AS row_key, step, part, said_in, said_of, value, unit, meaning, source_url, capture_id, sha256, url,
        fetched_at, licence, path
    FROM walk ORDER BY root_key, step, said_of;
COMMENT ON MACRO TABLE passport IS
    'From a published number to the bytes: estimate, factors, reference facts, observations, mapping rules, exchange '
    'rates, captures. of_table such as estimated.training_estimate or observed.cloud_rate; of_key such as '
    'gpt-3-175b/cost_usd, or the start of it; '''' for all rows.';
