-- request_impact for inputs that are given as ranges: the formulas at the lower and at the upper end, as EcoLogits
-- gives minimum and maximum.
CREATE OR REPLACE MACRO request_impact_band(requests, method := 'ecologits-0.9.1', boundary := 'lifecycle',
    known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH ranged AS (
        FROM request_impact(requests, method := method, boundary := boundary, known_at := known_at)
        UNION ALL BY NAME
        SELECT NULL::VARCHAR AS model, NULL::DOUBLE AS low_parameters_count, NULL::DOUBLE AS high_parameters_count,
            NULL::DOUBLE AS low_active_parameters_count, NULL::DOUBLE AS high_active_parameters_count,
            NULL::DOUBLE AS low_pue, NULL::DOUBLE AS high_pue, NULL::DOUBLE AS low_grid_gco2e_per_kwh,
            NULL::DOUBLE AS high_grid_gco2e_per_kwh, NULL::DOUBLE AS low_site_water_l_per_kwh,
            NULL::DOUBLE AS high_site_water_l_per_kwh,
            NULL::DOUBLE AS parameters_count, NULL::DOUBLE AS active_parameters_count,
            NULL::DOUBLE AS output_tokens_count, NULL::DOUBLE AS request_latency_s, NULL::DOUBLE AS tokens_per_s,
            NULL::DOUBLE AS first_token_latency_s,
            NULL::DOUBLE AS grid_kgsbe_per_kwh, NULL::DOUBLE AS grid_mj_per_kwh, NULL::DOUBLE AS grid_water_l_per_kwh,
            NULL::DOUBLE AS site_water_l_per_kwh
        WHERE false),
    -- For a model without a published size: the assumptions of the authors of the method, if nothing else is known of
    -- it.
    assumed AS (
        SELECT d.model AS of_model, a.* EXCLUDE (model)
        FROM (SELECT DISTINCT r.model FROM ranged r WHERE r.model IS NOT NULL) d
        JOIN reference.model_assumption a ON a.assumed_by = method AND model_key(a.model) = model_key(d.model)
        QUALIFY row_number() OVER (PARTITION BY d.model ORDER BY a.model = d.model DESC, a.model) = 1),
    known AS (
        SELECT q.* REPLACE (coalesce(q.tokens_per_s, a.tokens_per_s) AS tokens_per_s,
                coalesce(q.first_token_latency_s, a.first_token_latency_s) AS first_token_latency_s,
                coalesce(q.low_parameters_count, a.low_parameters_count) AS low_parameters_count,
                coalesce(q.high_parameters_count, a.high_parameters_count) AS high_parameters_count,
                coalesce(q.low_active_parameters_count, a.low_active_parameters_count) AS low_active_parameters_count,
                coalesce(q.high_active_parameters_count,
                    a.high_active_parameters_count) AS high_active_parameters_count,
                CASE WHEN q.low_pue IS NULL AND q.high_pue IS NULL AND q.pue IS NULL THEN a.low_pue
                    ELSE q.low_pue END AS low_pue,
                CASE WHEN q.low_pue IS NULL AND q.high_pue IS NULL AND q.pue IS NULL THEN a.high_pue
                    ELSE q.high_pue END AS high_pue,
                CASE WHEN coalesce(q.low_site_water_l_per_kwh, q.high_site_water_l_per_kwh,
                    q.site_water_l_per_kwh) IS NULL THEN a.low_site_water_l_per_kwh
                    ELSE q.low_site_water_l_per_kwh END AS low_site_water_l_per_kwh,
                CASE WHEN coalesce(q.low_site_water_l_per_kwh, q.high_site_water_l_per_kwh,
                    q.site_water_l_per_kwh) IS NULL THEN a.high_site_water_l_per_kwh
                    ELSE q.high_site_water_l_per_kwh END AS high_site_water_l_per_kwh),
            a.assumed_by AS size_assumed_by
        FROM ranged q LEFT JOIN reference.model m ON m.model_id = q.model_id
        LEFT JOIN assumed a ON a.of_model = q.model AND coalesce(q.parameters_count, q.active_parameters_count,
            q.low_parameters_count, q.low_active_parameters_count, q.high_parameters_count,
            q.high_active_parameters_count, m.parameters_count) IS NULL),
    side AS (
        SELECT q.*,
            {'active': coalesce(q.low_active_parameters_count, q.active_parameters_count, q.low_parameters_count,
                q.parameters_count, m.active_parameters_count, m.parameters_count)::DOUBLE,
             'total': coalesce(q.low_parameters_count, q.parameters_count, q.low_active_parameters_count,
                 q.active_parameters_count, m.parameters_count)::DOUBLE,
             'pue': coalesce(q.low_pue, q.pue), 'grid': coalesce(q.low_grid_gco2e_per_kwh, q.grid_gco2e_per_kwh),
             'site': coalesce(q.low_site_water_l_per_kwh, q.site_water_l_per_kwh)} AS lo,
            {'active': coalesce(q.high_active_parameters_count, q.active_parameters_count, q.high_parameters_count,
                q.parameters_count, m.active_parameters_count, m.parameters_count)::DOUBLE,
             'total': coalesce(q.high_parameters_count, q.parameters_count, q.high_active_parameters_count,
                 q.active_parameters_count, m.parameters_count)::DOUBLE,
             'pue': coalesce(q.high_pue, q.pue), 'grid': coalesce(q.high_grid_gco2e_per_kwh, q.grid_gco2e_per_kwh),
             'site': coalesce(q.high_site_water_l_per_kwh, q.site_water_l_per_kwh)} AS hi
        FROM known q LEFT JOIN reference.model m ON m.model_id = q.model_id),
    -- A range that is upside down, or no number of tokens or parameters, is unknown: every result has the number of
    -- GPUs in it.
    checked AS (
        SELECT s.*, s.lo.active > 0 AND s.lo.active <= s.lo.total AND s.hi.active <= s.hi.total
            AND s.lo.active <= s.hi.active AND s.lo.total <= s.hi.total
            AND (s.lo.pue <= s.hi.pue) IS NOT FALSE AND (s.lo.grid <= s.hi.grid) IS NOT FALSE
            AND (s.lo.site <= s.hi.site) IS NOT FALSE
            AND (s.parameters_count BETWEEN s.lo.total AND s.hi.total) IS NOT FALSE
            AND (s.active_parameters_count BETWEEN s.lo.active AND s.hi.active) IS NOT FALSE
            AND s.output_tokens_count >= 0 AND (s.request_latency_s > 0) IS NOT FALSE
            AND (s.tokens_per_s > 0) IS NOT FALSE AND (s.first_token_latency_s >= 0) IS NOT FALSE AS is_range
        FROM side s),
    it AS (
        SELECT c.*, CASE WHEN c.is_range THEN c.lo.total END AS held_lo,
            CASE WHEN c.is_range THEN c.hi.total END AS held_hi FROM checked c),
    ends AS (
        SELECT i.*,
            request_it_energy_kwh(method, i.lo.active, i.held_lo, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS low_it_energy_kwh,
            request_it_energy_kwh(method, i.hi.active, i.held_hi, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS high_it_energy_kwh,
            request_embodied_kgco2e(method, i.lo.active, i.held_lo, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS low_embodied_kgco2e,
            request_embodied_kgco2e(method, i.hi.active, i.held_hi, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS high_embodied_kgco2e,
            request_embodied_kgsbe(method, i.lo.active, i.held_lo, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS low_embodied_kgsbe,
            request_embodied_kgsbe(method, i.hi.active, i.held_hi, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS high_embodied_kgsbe,
            request_embodied_mj(method, i.lo.active, i.held_lo, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS low_embodied_mj,
            request_embodied_mj(method, i.hi.active, i.held_hi, i.output_tokens_count, i.request_latency_s,
                i.tokens_per_s, i.first_token_latency_s) AS high_embodied_mj
        FROM it i),
    metered AS (
        SELECT e.*, facility_energy_kwh(e.low_it_energy_kwh, e.lo.pue) AS low_energy_kwh,
            facility_energy_kwh(e.high_it_energy_kwh, e.hi.pue) AS high_energy_kwh
        FROM ends e),
    banded AS (
        SELECT m.*, operational_kgco2e(m.low_energy_kwh, m.lo.grid) AS low_operational_kgco2e,
            operational_kgco2e(m.high_energy_kwh, m.hi.grid) AS high_operational_kgco2e,
            operational_kgco2e(m.low_energy_kwh, m.lo.grid) + m.low_embodied_kgco2e AS low_total_kgco2e,
            operational_kgco2e(m.high_energy_kwh, m.hi.grid) + m.high_embodied_kgco2e AS high_total_kgco2e,
            m.low_energy_kwh * m.grid_kgsbe_per_kwh AS low_operational_kgsbe,
            m.high_energy_kwh * m.grid_kgsbe_per_kwh AS high_operational_kgsbe,
            m.low_energy_kwh * m.grid_kgsbe_per_kwh + m.low_embodied_kgsbe AS low_total_kgsbe,
            m.high_energy_kwh * m.grid_kgsbe_per_kwh + m.high_embodied_kgsbe AS high_total_kgsbe,
            m.low_energy_kwh * m.grid_mj_per_kwh AS low_operational_mj,
            m.high_energy_kwh * m.grid_mj_per_kwh AS high_operational_mj,
            m.low_energy_kwh * m.grid_mj_per_kwh + m.low_embodied_mj AS low_total_mj,
            m.high_energy_kwh * m.grid_mj_per_kwh + m.high_embodied_mj AS high_total_mj,
            water_l(m.low_it_energy_kwh, m.lo.site, m.lo.pue, m.grid_water_l_per_kwh) AS low_water_l,
            water_l(m.high_it_energy_kwh, m.hi.site, m.hi.pue, m.grid_water_l_per_kwh) AS high_water_l,
            water_l(CASE WHEN method = 'ecologits-0.11.3' THEN m.low_it_energy_kwh ELSE m.low_energy_kwh END, m.lo.site,
                m.lo.pue, m.grid_water_l_per_kwh) AS low_water_as_coded_l,
            water_l(CASE WHEN method = 'ecologits-0.11.3' THEN m.high_it_energy_kwh ELSE m.high_energy_kwh END,
                m.hi.site, m.hi.pue, m.grid_water_l_per_kwh) AS high_water_as_coded_l
        FROM metered m)
    -- If there is no central number within the range, the middle of the ends is returned, as EcoLogits prints it.
    SELECT b.* EXCLUDE (lo, hi, is_range, held_lo, held_hi, unknown, method_version)
        REPLACE (
            CASE WHEN b.it_energy_kwh BETWEEN b.low_it_energy_kwh AND b.high_it_energy_kwh THEN b.it_energy_kwh
                ELSE (b.low_it_energy_kwh + b.high_it_energy_kwh) / 2 END AS it_energy_kwh,
            CASE WHEN b.energy_kwh BETWEEN b.low_energy_kwh AND b.high_energy_kwh THEN b.energy_kwh
                ELSE (b.low_energy_kwh + b.high_energy_kwh) / 2 END AS energy_kwh,
            CASE WHEN b.operational_kgco2e BETWEEN b.low_operational_kgco2e AND b.high_operational_kgco2e
                THEN b.operational_kgco2e
                ELSE (b.low_operational_kgco2e + b.high_operational_kgco2e) / 2 END AS operational_kgco2e,
            CASE WHEN b.embodied_kgco2e BETWEEN b.low_embodied_kgco2e AND b.high_embodied_kgco2e THEN b.embodied_kgco2e
                ELSE (b.low_embodied_kgco2e + b.high_embodied_kgco2e) / 2 END AS embodied_kgco2e,
            CASE WHEN b.total_kgco2e BETWEEN b.low_total_kgco2e AND b.high_total_kgco2e THEN b.total_kgco2e
                ELSE (b.low_total_kgco2e + b.high_total_kgco2e) / 2 END AS total_kgco2e,
            CASE WHEN b.operational_kgsbe BETWEEN b.low_operational_kgsbe AND b.high_operational_kgsbe
                THEN b.operational_kgsbe
                ELSE (b.low_operational_kgsbe + b.high_operational_kgsbe) / 2 END AS operational_kgsbe,
            CASE WHEN b.embodied_kgsbe BETWEEN b.low_embodied_kgsbe AND b.high_embodied_kgsbe THEN b.embodied_kgsbe
                ELSE (b.low_embodied_kgsbe + b.high_embodied_kgsbe) / 2 END AS embodied_kgsbe,
            CASE WHEN b.total_kgsbe BETWEEN b.low_total_kgsbe AND b.high_total_kgsbe THEN b.total_kgsbe
                ELSE (b.low_total_kgsbe + b.high_total_kgsbe) / 2 END AS total_kgsbe,
            CASE WHEN b.operational_mj BETWEEN b.low_operational_mj AND b.high_operational_mj THEN b.operational_mj
                ELSE (b.low_operational_mj + b.high_operational_mj) / 2 END AS operational_mj,
            CASE WHEN b.embodied_mj BETWEEN b.low_embodied_mj AND b.high_embodied_mj THEN b.embodied_mj
                ELSE (b.low_embodied_mj + b.high_embodied_mj) / 2 END AS embodied_mj,
            CASE WHEN b.total_mj BETWEEN b.low_total_mj AND b.high_total_mj THEN b.total_mj
                ELSE (b.low_total_mj + b.high_total_mj) / 2 END AS total_mj,
            CASE WHEN b.water_l BETWEEN b.low_water_l AND b.high_water_l THEN b.water_l
                ELSE (b.low_water_l + b.high_water_l) / 2 END AS water_l,
            CASE WHEN b.water_as_coded_l BETWEEN b.low_water_as_coded_l AND b.high_water_as_coded_l
                THEN b.water_as_coded_l
                ELSE (b.low_water_as_coded_l + b.high_water_as_coded_l) / 2 END AS water_as_coded_l),
        CASE WHEN b.low_total_kgco2e IS NOT NULL AND b.high_total_kgco2e IS NOT NULL
                THEN CASE WHEN b.is_grid_of_its_time = false THEN 'carbon of the latest year before it' END
            WHEN NOT b.is_range AND b.lo.total IS NOT NULL AND b.output_tokens_count >= 0
                THEN 'the range makes no sense' ELSE b.unknown END AS unknown,
        method AS method_version
    FROM banded b;
COMMENT ON MACRO TABLE request_impact_band IS
    'As request_impact, with a lower and an upper end of every result (low_, high_): by EcoLogits'' method at the '
    'lower and at the upper end of the ranges given. Columns that it reads beside those of request_impact: low_ and '
    'high_ of parameters_count, active_parameters_count, pue, grid_gco2e_per_kwh and site_water_l_per_kwh; where one '
    'is missing the number itself is both ends. Where a range has no number of its own, the result is the middle of '
    'its ends. Of a closed model the size, speed, PUE and WUE that the authors of the method assume '
    '(reference.model_assumption, of 0.11.3), then named in size_assumed_by. request_impact_band(''request_log'', '
    'method := ''ecologits-0.11.3'').';
