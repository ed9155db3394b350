-- Growth rates of training compute, parameters, data and hardware, with their errors.
CREATE OR REPLACE MACRO training_compute(known_at := TIMESTAMPTZ 'infinity') AS TABLE
    SELECT m.model, coalesce(r.name, m.model) AS name, m.developer, m.released_on, m.parameters_count,
        m.training_tokens_count,
        coalesce(m.training_flop, training_flop(coalesce(r.active_parameters_count, r.parameters_count),
                r.training_tokens_count, r.flop_per_parameter_token)) AS training_flop,
        m.training_flop IS NULL AND r.training_tokens_count IS NOT NULL AS is_flop_counted, m.training_hardware,
        m.training_gpu_count, m.training_cost_2023_usd, m.domain, m.confidence, m.source_id, m.capture_id, m.is_bundled
    FROM model_compute_known(known_at := _instant(known_at)) m
    LEFT JOIN reference.model r ON m.is_bundled AND r.model_id = m.model
    ORDER BY m.source_id, m.released_on NULLS LAST, m.model;
COMMENT ON MACRO TABLE training_compute IS
    'Training compute of notable models: as published, else (for models of the reference table, is_flop_counted) '
    'counted as 6 per active parameter and token. Sources stand side by side: one model may be in both.';

CREATE OR REPLACE MACRO student_t_95(freedom) AS
    band_z() + (band_z() ** 3 + band_z()) / (4.0 * freedom) + (5 * band_z() ** 5 + 16 * band_z() ** 3 + 3 * band_z())
        / (96.0 * freedom ** 2) + (3 * band_z() ** 7 + 19 * band_z() ** 5 + 17 * band_z() ** 3 - 15 * band_z())
        / (384.0 * freedom ** 3);
COMMENT ON MACRO student_t_95 IS
    '1; 0.95 quantile of Student''s t, within 0.3% from 3 degrees of freedom on; Abramowitz and Stegun 26.7.5';

CREATE OR REPLACE MACRO compute_growth(from_on := DATE '2012-01-01', to_on := DATE '9999-12-31', domain_like := NULL,
        frontier := NULL, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT from_on::DATE AS asked_from_on, to_on::DATE AS asked_to_on, lower(domain_like::VARCHAR) AS asked_domain,
            _asked_number('frontier', frontier, 1, 1e6)::BIGINT AS asked_frontier),
    every AS (SELECT t.* FROM training_compute(known_at := known_at) t),
    model AS (
        SELECT t.*
        FROM every t CROSS JOIN asked q
        WHERE t.released_on BETWEEN q.asked_from_on AND q.asked_to_on
            AND (q.asked_domain IS NULL OR contains(lower(t.domain), q.asked_domain))),
    -- At the frontier: fewer than `frontier` models of the same source had more compute on the day of its release.
    largest AS (
        SELECT m.*
        FROM model m CROSS JOIN asked q
        WHERE q.asked_frontier IS NULL
            OR (m.training_flop IS NOT NULL AND (
                SELECT count(*)
                FROM every b
                WHERE b.source_id = m.source_id AND b.released_on <= m.released_on
                    AND b.training_flop > m.training_flop)
                < q.asked_frontier)),
    point AS (
        SELECT l.source_id, q.quantity, l.released_on, q.value, l.is_bundled
        FROM largest l, LATERAL (
            SELECT unnest(['training_flop', 'parameters_count', 'training_tokens_count',
                    'training_cost_2023_usd']) AS quantity,
                unnest([l.training_flop, l.parameters_count, l.training_tokens_count,
                        l.training_cost_2023_usd]) AS value) q
        UNION ALL SELECT a.source_id, q.quantity, a.released_on, q.value, a.is_bundled
        FROM accelerator_spec_known(known_at := _instant(known_at)) a
        CROSS JOIN asked o, LATERAL (
            SELECT unnest(['fp16_dense_flop_per_s_per_w', 'fp16_dense_flop_per_s_per_usd',
                    'fp16_dense_flop_per_s']) AS quantity,
                unnest([a.fp16_dense_flop_per_s / a.tdp_w, a.fp16_dense_flop_per_s / a.release_price_usd,
                        a.fp16_dense_flop_per_s]) AS value) q
        WHERE a.released_on BETWEEN o.asked_from_on AND o.asked_to_on),
    fitted AS (
        SELECT p.source_id, p.quantity, count(*) AS point_count, min(p.released_on) AS first_on,
            max(p.released_on) AS last_on, bool_or(p.is_bundled) AS is_bundled,
            regr_slope(log10(p.value), epoch(p.released_on::TIMESTAMP) / 31557600) AS slope,
            regr_r2(log10(p.value), epoch(p.released_on::TIMESTAMP) / 31557600) AS r2,
            regr_sxx(log10(p.value), epoch(p.released_on::TIMESTAMP) / 31557600) AS sxx,
            regr_syy(log10(p.value), epoch(p.released_on::TIMESTAMP) / 31557600) AS syy
        FROM point p WHERE p.value > 0 GROUP BY p.source_id, p.quantity),
    erring AS (
        SELECT f.*,
            CASE WHEN f.point_count >= 5 AND f.sxx > 0
                    THEN sqrt(greatest(0, f.syy - f.slope ** 2 * f.sxx) / (f.point_count - 2)
                        / f.sxx) END AS slope_error,
            CASE WHEN f.point_count >= 5 THEN student_t_95(f.point_count - 2) END AS t
        FROM fitted f WHERE f.point_count >= 2 AND f.sxx > 0)
    SELECT e.source_id, e.quantity, 10 ** e.slope AS growth_per_year,
        10 ** (e.slope - e.t * e.slope_error) AS low_growth_per_year,
        10 ** (e.slope + e.t * e.slope_error) AS high_growth_per_year, e.slope AS slope_oom_per_year,
        e.slope_error AS slope_error_oom_per_year,
        CASE WHEN e.slope > 0 THEN 12 * log10(2) / e.slope END AS doubling_months, e.r2, e.point_count, e.first_on,
        e.last_on, e.is_bundled
    FROM erring e ORDER BY e.source_id, e.quantity;
COMMENT ON MACRO TABLE compute_growth IS
    'Growth a year of training compute, parameters, tokens and cost of notable models, and of FLOP/s, FLOP/s per W of '
    'board power and per USD of first price of accelerators: least squares of log10 on the day of release, each source '
    'by itself, with the standard error and the 90% interval (Student''s t; from 5 points on). frontier := 10 keeps '
    'models among the ten largest on their day. compute_growth(from_on := DATE ''2018-01-01'').';

CREATE OR REPLACE MACRO accelerator_by_year(known_at := TIMESTAMPTZ 'infinity') AS TABLE
    SELECT a.source_id, extract(year FROM a.released_on)::INTEGER AS year, count(*) AS accelerator_count,
        median(a.fp16_dense_flop_per_s / a.tdp_w) AS median_flop_per_s_per_w,
        max(a.fp16_dense_flop_per_s / a.tdp_w) AS best_flop_per_s_per_w,
        arg_max(a.accelerator_name, a.fp16_dense_flop_per_s / a.tdp_w) AS best_per_w,
        median(a.fp16_dense_flop_per_s / a.release_price_usd) AS median_flop_per_s_per_usd,
        max(a.fp16_dense_flop_per_s / a.release_price_usd) AS best_flop_per_s_per_usd,
        arg_max(a.accelerator_name, a.fp16_dense_flop_per_s / a.release_price_usd) AS best_per_usd,
        count(a.fp16_dense_flop_per_s / a.tdp_w) AS power_count,
        count(a.fp16_dense_flop_per_s / a.release_price_usd) AS price_count, bool_or(a.is_bundled) AS is_bundled
    FROM accelerator_spec_known(known_at := _instant(known_at)) a WHERE a.released_on IS NOT NULL
    GROUP BY a.source_id, extract(year FROM a.released_on) ORDER BY a.source_id, 2;
COMMENT ON MACRO TABLE accelerator_by_year IS
    'Dense 16-bit FLOP/s per W of board power and per USD of first price of the accelerators of each year of release, '
    'each source by itself; NULL where none of the year states both.';
