-- Energy, emissions, resources and water of a log of requests, by EcoLogits' method: the formulas of
-- assets/estimated/formulas/request.sql on every row. The name of the table is passed as text; missing columns are
-- NULL.
-- The instant may be text (read_csv leaves what it cannot read, such as one without seconds): the error names it then.
CREATE OR REPLACE MACRO _request_given(requests) AS TABLE
    SELECT * REPLACE (requested_at::TIMESTAMPTZ AS requested_at)
    FROM (
        FROM query_table(requests)
        UNION ALL BY NAME
        SELECT NULL::VARCHAR AS model, NULL::DOUBLE AS parameters_count, NULL::DOUBLE AS active_parameters_count,
            NULL::DOUBLE AS output_tokens_count, NULL::DOUBLE AS request_latency_s, NULL::DOUBLE AS tokens_per_s,
            NULL::DOUBLE AS first_token_latency_s, NULL::TIMESTAMPTZ AS requested_at, NULL::VARCHAR AS provider,
            NULL::VARCHAR AS region, NULL::VARCHAR AS zone, NULL::DOUBLE AS pue, NULL::DOUBLE AS site_water_l_per_kwh,
            NULL::DOUBLE AS grid_gco2e_per_kwh, NULL::DOUBLE AS grid_kgsbe_per_kwh, NULL::DOUBLE AS grid_mj_per_kwh,
            NULL::DOUBLE AS grid_water_l_per_kwh
        WHERE false);
COMMENT ON MACRO TABLE _request_given IS
    'A table of requests with every column that request_impact reads, NULL where it has none. '
    '_request_given(''request_log'').';

-- Every place and hour in the requests, once, with its PUE and its grid: joined by equality of hour, day, month and
-- year, never by a range. For a request that states its grid intensity no hour is looked up, for one that states its
-- PUE no place.
CREATE OR REPLACE MACRO _request_place(requests, boundary := 'lifecycle', known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT DISTINCT q.zone, q.provider, q.region,
            CASE WHEN q.grid_gco2e_per_kwh IS NULL THEN date_trunc('hour', _utc(q.requested_at)) END AS hour_from
        FROM _request_given(requests) q
        WHERE (q.grid_gco2e_per_kwh IS NULL AND q.requested_at IS NOT NULL AND coalesce(q.zone, q.region) IS NOT NULL)
            OR (q.pue IS NULL AND q.provider IS NOT NULL AND q.region IS NOT NULL)),
    place AS (
        SELECT a.*, r.pue, coalesce(a.zone, r.grid_zone) AS own_zone,
            CASE WHEN a.zone IS NULL THEN coalesce(n.grid_zone, n.country_code) END AS country_zone
        FROM asked a
        LEFT JOIN (
            SELECT lower(p.provider) AS of_provider, lower(p.region) AS of_region, p.*
            FROM reference.region p) r ON r.of_provider = lower(a.provider) AND r.of_region = lower(a.region)
        LEFT JOIN reference.country n ON n.country_code = _country_told(r.region, r.country_code, a.region)),
    zones AS (SELECT DISTINCT unnest([p.own_zone, p.country_zone]) AS zone FROM place p),
    span AS (SELECT min(a.hour_from) AS first_at, max(a.hour_from) AS last_at FROM asked a),
    slot AS (
        SELECT g.*,
            CASE g.resolution WHEN 'P1D' THEN 'day' WHEN 'P1M' THEN 'month' WHEN 'P1Y' THEN 'year'
                ELSE 'hour' END AS grain,
            g.basis_kind = 'estimated' AS is_estimated, _utc(g.valid_from) AS local_from
        FROM grid_carbon_known(known_at := known_at::TIMESTAMPTZ) g SEMI JOIN zones z ON z.zone = g.zone
        WHERE g.basis_method = 'average' AND g.basis_accounting = 'location'
            AND g.basis_kind IN ('actual', 'estimated') AND g.basis_boundary = boundary
            AND g.valid_from <= (SELECT s.last_at + INTERVAL 1 HOUR FROM span s) AT TIME ZONE 'UTC'
            AND (g.resolution = 'P1Y'
                OR g.valid_from >= (SELECT s.first_at - INTERVAL 32 DAY FROM span s) AT TIME ZONE 'UTC')),
    mean AS (
        SELECT s.zone, s.grain, s.is_estimated, date_trunc(s.grain, s.local_from) AS period_from, s.source_id,
            s.resolution, avg(s.intensity_gco2e_per_kwh) AS intensity, max(s.capture_id) AS capture_id
        FROM slot s GROUP BY ALL),
    -- One source for a zone and period, of what is measured and of what is estimated: the lowest source_rank, with its
    -- finest slots.
    preferred AS (
        SELECT m.* FROM mean m
        QUALIFY row_number() OVER (PARTITION BY m.zone, m.grain, m.is_estimated, m.period_from
            ORDER BY source_rank(m.source_id), m.source_id, epoch(slot_length(m.resolution))) = 1),
    candidate AS (
        SELECT p.zone, p.provider, p.region, p.hour_from, k.zone_used, k.is_country, t.grain,
            date_trunc(t.grain, p.hour_from) AS period_from, t.fineness
        FROM place p, (SELECT unnest(['hour', 'day', 'month', 'year']) AS grain, unnest([1, 2, 3, 4]) AS fineness) t,
            LATERAL (
                SELECT p.own_zone AS zone_used, false AS is_country WHERE p.own_zone IS NOT NULL
                UNION ALL SELECT p.country_zone, true WHERE p.country_zone <> coalesce(p.own_zone, '')) k),
    held AS (
        SELECT c.*, s.is_estimated, s.intensity, s.resolution, s.source_id, s.capture_id, true AS is_of_its_time
        FROM candidate c
        JOIN preferred s ON s.zone = c.zone_used AND s.grain = c.grain AND s.period_from = c.period_from),
    -- No slot covers the hour: the latest year before it.
    earlier AS (
        SELECT c.*, s.is_estimated, s.intensity, s.resolution, s.source_id, s.capture_id, false AS is_of_its_time
        FROM (SELECT c.* FROM candidate c WHERE c.grain = 'year') c
        ASOF JOIN (SELECT s.* FROM preferred s WHERE s.grain = 'year' AND NOT s.is_estimated) s
            ON s.zone = c.zone_used AND c.period_from > s.period_from),
    finest AS (
        SELECT f.*
        FROM (SELECT * FROM held UNION ALL SELECT * FROM earlier) f
        QUALIFY row_number() OVER (PARTITION BY f.zone, f.provider, f.region, f.hour_from
            ORDER BY f.is_of_its_time DESC, f.is_country, f.is_estimated, f.fineness) = 1)
    SELECT p.zone, p.provider, p.region, p.hour_from, p.pue, t.intensity AS grid_gco2e_per_kwh, t.zone_used,
        t.resolution AS grid_resolution, t.is_of_its_time AS is_grid_of_its_time, t.is_estimated AS is_grid_estimated,
        t.source_id AS grid_source_id, t.capture_id AS grid_capture_id
    FROM place p
    LEFT JOIN finest t ON t.zone IS NOT DISTINCT FROM p.zone AND t.provider IS NOT DISTINCT FROM p.provider
        AND t.region IS NOT DISTINCT FROM p.region AND t.hour_from = p.hour_from;
COMMENT ON MACRO TABLE _request_place IS
    'Every place and hour (UTC; NULL where only the PUE is asked for) in a table of requests, with the PUE of its '
    'region and its carbon intensity (average, location-based, actual, one boundary): the finest slot that holds the '
    'hour, the zone before its country, else the latest year before it. _request_place(''request_log'').';

-- The formula of each version, by name; the first macro rejects unknown names.
CREATE OR REPLACE MACRO request_it_energy_kwh(method, active_parameters_count, parameters_count, output_tokens_count,
        request_latency_s, tokens_per_s, first_token_latency_s) AS
    CASE method
        WHEN 'ecologits-0.9.1' THEN ecologits_it_energy_kwh_0_9_1(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        WHEN 'ecologits-0.5.0' THEN ecologits_it_energy_kwh_0_5_0(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        WHEN 'ecologits-0.11.3' THEN ecologits_it_energy_kwh_0_11_3(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s)
        ELSE error('request_impact: method ' || method
            || ' is not known: ecologits-0.9.1, ecologits-0.5.0, ecologits-0.11.3') END;
COMMENT ON MACRO request_it_energy_kwh IS
    'kWh; energy of server and GPUs for one request by EcoLogits'' method in the version named.';

CREATE OR REPLACE MACRO request_embodied_kgco2e(method, active_parameters_count, parameters_count, output_tokens_count,
        request_latency_s, tokens_per_s, first_token_latency_s) AS
    CASE method
        WHEN 'ecologits-0.9.1' THEN ecologits_embodied_kgco2e_0_9_1(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        WHEN 'ecologits-0.5.0' THEN ecologits_embodied_kgco2e_0_5_0(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        ELSE ecologits_embodied_kgco2e_0_11_3(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) END;
COMMENT ON MACRO request_embodied_kgco2e IS
    'kgCO2e; manufacture of the hardware of one request by EcoLogits'' method in the version named.';

CREATE OR REPLACE MACRO request_embodied_kgsbe(method, active_parameters_count, parameters_count, output_tokens_count,
        request_latency_s, tokens_per_s, first_token_latency_s) AS
    CASE method
        WHEN 'ecologits-0.9.1' THEN ecologits_embodied_kgsbe_0_9_1(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        WHEN 'ecologits-0.5.0' THEN ecologits_embodied_kgsbe_0_5_0(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        ELSE ecologits_embodied_kgsbe_0_11_3(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) END;
COMMENT ON MACRO request_embodied_kgsbe IS
    'kgSbe; abiotic resources of the manufacture of the hardware of one request by EcoLogits'' method in the version '
    'named.';

CREATE OR REPLACE MACRO request_embodied_mj(method, active_parameters_count, parameters_count, output_tokens_count,
        request_latency_s, tokens_per_s, first_token_latency_s) AS
    CASE method
        WHEN 'ecologits-0.9.1' THEN ecologits_embodied_mj_0_9_1(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        WHEN 'ecologits-0.5.0' THEN ecologits_embodied_mj_0_5_0(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s)
        ELSE ecologits_embodied_mj_0_11_3(active_parameters_count, parameters_count,
            output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) END;
COMMENT ON MACRO request_embodied_mj IS
    'MJ; primary energy of the manufacture of the hardware of one request by EcoLogits'' method in the version named.';

CREATE OR REPLACE MACRO request_impact(requests, method := 'ecologits-0.9.1', boundary := 'lifecycle',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    -- First, and read from here only: after it a table of the user's that is called as a later part would be mistaken
    -- for it.
    WITH given AS NOT MATERIALIZED (FROM _request_given(requests)),
    named AS (
        SELECT m.model, n.model_id, r.parameters_count AS of_model,
            coalesce(r.active_parameters_count, r.parameters_count) AS active_of_model
        FROM (SELECT DISTINCT q.model FROM given q WHERE q.model IS NOT NULL) m
        JOIN observed.model_name n ON n.name_key = model_key(m.model)
        JOIN reference.model r ON r.model_id = n.model_id),
    placed AS (
        SELECT q.* EXCLUDE (grid_gco2e_per_kwh, pue),
            coalesce(q.parameters_count, q.active_parameters_count, n.of_model)::DOUBLE AS total_used,
            coalesce(q.active_parameters_count, q.parameters_count, n.active_of_model)::DOUBLE AS active_used,
            n.model_id, coalesce(q.pue, p.pue, CASE WHEN method = 'ecologits-0.5.0' THEN 1.2 END) AS pue,
            coalesce(q.grid_gco2e_per_kwh, p.grid_gco2e_per_kwh) AS grid_gco2e_per_kwh, p.zone_used, p.grid_resolution,
            p.is_grid_of_its_time, p.is_grid_estimated, p.grid_source_id, p.grid_capture_id
        FROM given q LEFT JOIN named n ON n.model = q.model
        LEFT JOIN _request_place('given', boundary := boundary, known_at := known_at) p
            ON p.zone IS NOT DISTINCT FROM q.zone AND p.provider IS NOT DISTINCT FROM q.provider
            AND p.region IS NOT DISTINCT FROM q.region AND p.hour_from IS NOT DISTINCT FROM
                CASE WHEN q.grid_gco2e_per_kwh IS NULL THEN date_trunc('hour', _utc(q.requested_at)) END),
    -- Impossible numbers of tokens or parameters give NULL: every result depends on the number of GPUs, which follows
    -- from this column.
    checked AS (
        SELECT p.*,
            CASE WHEN p.active_used > 0 AND p.active_used <= p.total_used AND p.output_tokens_count >= 0
                AND (p.request_latency_s > 0) IS NOT FALSE AND (p.tokens_per_s > 0) IS NOT FALSE
                AND (p.first_token_latency_s >= 0) IS NOT FALSE THEN p.total_used END AS held
        FROM placed p),
    it AS (
        SELECT c.*,
            request_it_energy_kwh(method, c.active_used, c.held, c.output_tokens_count, c.request_latency_s,
                c.tokens_per_s, c.first_token_latency_s) AS it_energy_kwh,
            request_embodied_kgco2e(method, c.active_used, c.held, c.output_tokens_count, c.request_latency_s,
                c.tokens_per_s, c.first_token_latency_s) AS embodied_kgco2e,
            request_embodied_kgsbe(method, c.active_used, c.held, c.output_tokens_count, c.request_latency_s,
                c.tokens_per_s, c.first_token_latency_s) AS embodied_kgsbe,
            request_embodied_mj(method, c.active_used, c.held, c.output_tokens_count, c.request_latency_s,
                c.tokens_per_s, c.first_token_latency_s) AS embodied_mj
        FROM checked c),
    metered AS (SELECT i.*, facility_energy_kwh(i.it_energy_kwh, i.pue) AS energy_kwh FROM it i)
    SELECT m.* EXCLUDE (total_used, active_used, held),
        operational_kgco2e(m.energy_kwh, m.grid_gco2e_per_kwh) AS operational_kgco2e,
        operational_kgco2e(m.energy_kwh, m.grid_gco2e_per_kwh) + m.embodied_kgco2e AS total_kgco2e,
        m.energy_kwh * m.grid_kgsbe_per_kwh AS operational_kgsbe,
        m.energy_kwh * m.grid_kgsbe_per_kwh + m.embodied_kgsbe AS total_kgsbe,
        m.energy_kwh * m.grid_mj_per_kwh AS operational_mj,
        m.energy_kwh * m.grid_mj_per_kwh + m.embodied_mj AS total_mj,
        water_l(m.it_energy_kwh, m.site_water_l_per_kwh, m.pue, m.grid_water_l_per_kwh) AS water_l,
        -- Up to 0.9.1 the code counted PUE twice.
        water_l(CASE WHEN method = 'ecologits-0.11.3' THEN m.it_energy_kwh ELSE m.energy_kwh END,
            m.site_water_l_per_kwh, m.pue, m.grid_water_l_per_kwh) AS water_as_coded_l,
        CASE WHEN m.held IS NULL OR m.pue IS NULL OR m.grid_gco2e_per_kwh IS NULL OR m.is_grid_of_its_time = false
                THEN concat_ws('; ',
                    CASE WHEN m.total_used IS NULL THEN 'size of the model not known'
                        WHEN NOT coalesce(m.total_used > 0 AND m.active_used > 0 AND m.active_used <= m.total_used,
                            false) THEN 'numbers of parameters make no sense' END,
                    CASE WHEN m.output_tokens_count IS NULL THEN 'output tokens not given'
                        WHEN m.output_tokens_count < 0 THEN 'output tokens below zero' END,
                    CASE WHEN m.request_latency_s <= 0 THEN 'latency not above zero' END,
                    CASE WHEN m.tokens_per_s <= 0 OR m.first_token_latency_s < 0 THEN 'speed makes no sense' END,
                    CASE WHEN m.pue IS NULL THEN 'PUE not known' END,
                    CASE WHEN m.grid_gco2e_per_kwh IS NULL THEN 'carbon of the grid not known'
                        WHEN m.is_grid_of_its_time = false THEN 'carbon of the latest year before it' END)
            END AS unknown,
        method AS method_version
    FROM metered m
    -- Always true; an unknown boundary is an error.
    WHERE coalesce(_asked_boundary(boundary), '') IS NOT NULL;
COMMENT ON MACRO TABLE request_impact IS
    'Energy, emissions, abiotic resources, primary energy and water of every row of a table of requests, by '
    'EcoLogits'' method in the version named (ecologits-0.9.1, ecologits-0.5.0, ecologits-0.11.3): energy_kwh, '
    'total_kgco2e, total_kgsbe, total_mj and water_l, as EcoLogits states them of a request; of emissions, resources '
    'and primary energy also the parts of use (operational_) and of manufacture (embodied_). What is not asked for is '
    'not computed. Columns that it reads, each may be missing: model or parameters_count and active_parameters_count; '
    'output_tokens_count; request_latency_s; tokens_per_s and first_token_latency_s (read by 0.11.3); requested_at '
    'with zone, or with provider and region; pue, grid_gco2e_per_kwh, grid_kgsbe_per_kwh, grid_mj_per_kwh, '
    'grid_water_l_per_kwh, site_water_l_per_kwh. All columns of the table come back; what is not known is NULL, with '
    'the reason in unknown. request_impact(''request_log'').';
