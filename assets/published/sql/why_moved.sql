-- Why an estimate is another at a later date, on other hardware or by another method: an exact split (logarithmic mean Divisia index).
CREATE OR REPLACE MACRO why_moved(estimate, from_at, to_at := now(), from_method := NULL, to_method := NULL, to_accelerator := NULL, to_provider := NULL, to_region := NULL,
        utilization_to := NULL, boundary := NULL, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH method AS (
        SELECT coalesce(from_method, e.newest) AS from_version, coalesce(to_method, e.newest) AS to_version
        FROM (SELECT newest_method(t.method_version) AS newest FROM estimated.training_estimate t WHERE t.scenario_id = estimate) e),
    result AS (
        SELECT max(e.central) FILTER (e.quantity = 'training_flop' AND e.method_version = m.from_version) AS flop,
            max(e.central) FILTER (e.quantity = 'gpu_hours' AND e.method_version = m.from_version) AS hours,
            max(e.central) FILTER (e.quantity = 'energy_kwh' AND e.method_version = m.from_version) AS energy,
            max(e.central) FILTER (e.quantity = 'gpu_hours' AND e.method_version = m.to_version) AS hours_by_to,
            max(e.central) FILTER (e.quantity = 'energy_kwh' AND e.method_version = m.to_version) AS energy_by_to
        FROM method m JOIN estimated.training_estimate e ON e.scenario_id = estimate),
    used AS (
        SELECT r.pue, r.given_usd, r.given_grid, coalesce(boundary, nullif(r.told_boundary, ''), 'lifecycle') AS basis_boundary
        FROM (
            SELECT max(f.value) FILTER (f.factor = 'pue') AS pue, max(f.value) FILTER (f.factor = 'usd_per_gpu_hour' AND f.origin_kind = 'given') AS given_usd,
                max(f.value) FILTER (f.factor = 'grid_gco2e_per_kwh' AND f.origin_kind = 'given') AS given_grid,
                -- The boundary that the estimate itself was made on, unless another is asked for.
                max(regexp_extract(f.origin_ref, 'observed\.grid_carbon\[[^\]]*average, (\w+), location', 1)) AS told_boundary
            FROM estimated.factor f JOIN method m ON f.method_version = m.from_version WHERE f.scenario_id = estimate) r),
    stated AS (
        SELECT toml_text(s.definition, 'accelerator') AS accelerator, lower(toml_text(s.definition, 'provider')) AS provider, toml_text(s.definition, 'region') AS region,
            coalesce(toml_text(s.definition, 'purchase'), 'on_demand') AS purchase, toml_text(s.definition, 'model') AS model
        FROM reference.scenario s WHERE s.scenario_id = estimate),
    wanted AS (
        SELECT 'from' AS side, from_at::TIMESTAMPTZ AS as_of_at, t.accelerator, t.provider, t.region, t.purchase, t.model FROM stated t
        UNION ALL SELECT 'to', to_at::TIMESTAMPTZ, coalesce(to_accelerator, t.accelerator), coalesce(lower(to_provider), t.provider), coalesce(to_region, t.region), t.purchase, t.model FROM stated t),
    -- The accelerator by its key, else by a name that means one only; of a model the one that it was trained on.
    carded AS (
        SELECT w.*, a.accelerator_id, a.fp16_dense_flop_per_s AS peak, a.tdp_w
        FROM wanted w LEFT JOIN reference.accelerator a ON a.accelerator_id = CASE WHEN w.accelerator IS NULL
            THEN (SELECT min(o.training_accelerator_id) FROM reference.model o WHERE o.model_id = (SELECT n.model_id FROM observed.model_name n WHERE n.name_key = model_key(w.model)))
            ELSE coalesce((SELECT b.accelerator_id FROM reference.accelerator b WHERE b.accelerator_id = lower(w.accelerator)),
                (SELECT CASE WHEN count(*) = 1 THEN min(n.accelerator_id) END FROM (
                    SELECT DISTINCT c.accelerator_id FROM reference.accelerator c LEFT JOIN reference.accelerator_alias l ON l.accelerator_id = c.accelerator_id
                    WHERE accelerator_key(w.accelerator) IN (accelerator_key(c.name), accelerator_key(l.alias))) n)) END),
    placed AS (
        SELECT c.*, p.region AS offer_region, coalesce(p.provider, c.provider) AS offer_provider, p.pue AS region_pue,
            CASE WHEN p.region IS NOT NULL THEN p.zone ELSE upper(c.region) END AS zone, p.country_zone
        FROM carded c LEFT JOIN (
            SELECT r.region, CASE WHEN count(*) = 1 THEN any_value(r.provider) END AS provider, r.provider AS of_provider, any_value(r.grid_zone) AS zone,
                any_value(coalesce(n.grid_zone, r.country_code)) AS country_zone, any_value(r.pue) AS pue
            FROM reference.region r LEFT JOIN reference.country n ON n.country_code = r.country_code GROUP BY r.region, r.provider) p
            ON lower(p.region) = lower(c.region) AND (c.provider IS NULL OR c.provider = p.of_provider)
        QUALIFY row_number() OVER (PARTITION BY c.side ORDER BY p.of_provider) = 1),
    rate AS (
        SELECT p.side, r.* FROM placed p, LATERAL (
            SELECT o.* FROM (
                SELECT k.provider, k.region, k.instance_type, k.offer_variant, k.source_id, k.scope, k.valid_from, k.valid_to, k.currency_code, k.accelerator_id, k.purchase_option,
                    k.price_usd_per_gpu_hour AS usd, k.price_amount_per_hour / k.accelerator_count AS amount
                FROM cloud_rate_known(known_at := known_at::TIMESTAMPTZ) k
                WHERE k.price_usd_per_gpu_hour > 0 AND k.price_component = 'instance' AND k.offer_variant NOT IN ('market_min', 'market_p10', 'market_p90', 'serverless')) o
            WHERE o.accelerator_id = p.accelerator_id AND o.purchase_option = p.purchase AND (p.offer_provider IS NULL OR o.provider = p.offer_provider)
              AND (p.offer_region IS NULL OR o.region = p.offer_region OR o.region = 'global')
              AND coalesce(o.valid_from <= p.as_of_at, true) AND coalesce(o.valid_to > p.as_of_at, true)) r),
    -- What the later offers would cost had each currency kept the rate that the earlier offers were converted at.
    currency AS (SELECT r.currency_code, avg(r.usd / r.amount) AS usd_per_unit FROM rate r WHERE r.side = 'from' GROUP BY r.currency_code),
    priced AS (
        SELECT median(r.usd) FILTER (r.side = 'from') AS from_usd, median(r.usd) FILTER (r.side = 'to') AS to_usd,
            median(r.amount * CASE WHEN r.currency_code = 'USD' THEN 1.0 ELSE coalesce(f.usd / f.amount, c.usd_per_unit, d.usd_per_unit) END) FILTER (r.side = 'to') AS to_usd_at_old_rate
        FROM rate r
        LEFT JOIN rate f ON r.side = 'to' AND f.side = 'from' AND f.provider = r.provider AND f.region = r.region AND f.instance_type = r.instance_type
            AND f.offer_variant = r.offer_variant AND f.source_id = r.source_id AND f.scope = r.scope AND f.valid_from IS NOT DISTINCT FROM r.valid_from
        LEFT JOIN currency c ON c.currency_code = r.currency_code
        LEFT JOIN observed.usd_rate_day d ON d.currency_code = r.currency_code AND d.rate_on = (from_at::TIMESTAMPTZ AT TIME ZONE 'UTC')::DATE),
    grid AS (
        SELECT g.zone, g.plain_mean_gco2e_per_kwh AS intensity, g.year_from FROM observed.grid_carbon_year g
        WHERE g.basis_boundary = (SELECT u.basis_boundary FROM used u) AND g.basis_method = 'average' AND g.basis_accounting = 'location' AND g.basis_kind = 'actual' AND g.covered_share >= 0.9
        QUALIFY row_number() OVER (PARTITION BY g.zone, g.year_from ORDER BY source_rank(g.source_id), epoch(slot_length(g.resolution)), g.source_id) = 1),
    mixed AS (
        SELECT p.*, max_by(g.intensity, g.year_from) FILTER (g.zone = p.zone) AS own_grid, max_by(g.intensity, g.year_from) FILTER (g.zone = p.country_zone) AS country_grid
        FROM placed p LEFT JOIN grid g ON g.zone IN (p.zone, p.country_zone) AND g.year_from <= p.as_of_at GROUP BY ALL),
    valued AS (
        SELECT x.side, x.as_of_at, s.hours, s.flop,
            CASE WHEN x.side = 'to' AND to_accelerator IS NULL THEN f.peak ELSE x.peak END AS peak,
            s.flop / (f.peak * 3600 * s.hours) AS implied_utilization,
            CASE WHEN x.side = 'to' THEN utilization_to::DOUBLE END AS other_utilization,
            -- Power as in the estimate; on another card the same share of its board power.
            s.energy / s.hours / coalesce(u.pue, 1) * CASE WHEN x.side = 'to' AND to_accelerator IS NOT NULL THEN x.tdp_w / f.tdp_w ELSE 1 END AS power_kw,
            CASE WHEN x.side = 'to' AND to_region IS NOT NULL THEN coalesce(x.region_pue, (SELECT b.central FROM method_band('pue') b)) ELSE coalesce(u.pue, 1) END AS pue,
            CASE WHEN u.given_usd IS NOT NULL AND (x.side = 'from' OR coalesce(to_accelerator, to_provider, to_region) IS NULL) THEN u.given_usd
                 WHEN x.side = 'from' THEN q.from_usd ELSE q.to_usd_at_old_rate END AS price,
            CASE WHEN x.side = 'from' OR (u.given_usd IS NOT NULL AND coalesce(to_accelerator, to_provider, to_region) IS NULL) THEN 1.0 ELSE q.to_usd / q.to_usd_at_old_rate END AS exchange_rate,
            CASE WHEN u.given_grid IS NOT NULL AND (x.side = 'from' OR to_region IS NULL) THEN u.given_grid
                 WHEN count(x.own_grid) OVER (PARTITION BY x.zone) = count(*) OVER (PARTITION BY x.zone) THEN x.own_grid ELSE x.country_grid END / 1000 AS grid,
            CASE WHEN x.side = 'from' THEN 1.0 ELSE s.hours_by_to / s.hours END AS hours_method, CASE WHEN x.side = 'from' THEN 1.0 ELSE s.energy_by_to / s.energy END AS energy_method
        FROM mixed x CROSS JOIN result s CROSS JOIN used u CROSS JOIN priced q CROSS JOIN (SELECT c.peak, c.tdp_w FROM carded c WHERE c.side = 'from') f),
    factor AS (
        SELECT v.side, q.quantity, q.part, q.value FROM valued v, LATERAL (
            SELECT unnest(['cost_usd', 'cost_usd', 'cost_usd', 'cost_usd', 'cost_usd', 'operational_kgco2e', 'operational_kgco2e', 'operational_kgco2e', 'operational_kgco2e', 'operational_kgco2e',
                    'operational_kgco2e']) AS quantity,
                unnest(['hardware', 'utilization', 'price', 'exchange_rate', 'method', 'hardware', 'utilization', 'power', 'pue', 'grid', 'method']) AS part,
                unnest([
                    -- GPU-hours at the peak; where the operations or the peak are not known, the hours themselves.
                    CASE WHEN v.implied_utilization IS NULL THEN CASE WHEN to_accelerator IS NULL OR v.side = 'from' THEN v.hours END ELSE v.flop / v.peak / 3600 END,
                    coalesce(1 / coalesce(v.other_utilization, v.implied_utilization), CASE WHEN utilization_to IS NULL OR v.side = 'from' THEN 1 END),
                    v.price, v.exchange_rate, v.hours_method,
                    CASE WHEN v.implied_utilization IS NULL THEN CASE WHEN to_accelerator IS NULL OR v.side = 'from' THEN v.hours END ELSE v.flop / v.peak / 3600 END,
                    coalesce(1 / coalesce(v.other_utilization, v.implied_utilization), CASE WHEN utilization_to IS NULL OR v.side = 'from' THEN 1 END),
                    v.power_kw, v.pue, v.grid, v.energy_method]) AS value) q),
    moved AS (
        SELECT f.quantity, f.part, f.value AS value_from, t.value AS value_to FROM factor f JOIN factor t ON t.quantity = f.quantity AND t.part = f.part
        WHERE f.side = 'from' AND t.side = 'to'),
    total AS (
        SELECT m.quantity, CASE WHEN count(m.value_from) = count(*) THEN product(m.value_from) END AS total_from, CASE WHEN count(m.value_to) = count(*) THEN product(m.value_to) END AS total_to
        FROM moved m GROUP BY ALL)
    SELECT a.quantity, a.part, a.value_from, a.value_to, a.moved_by, a.total_from, a.total_to, m.from_version, m.to_version FROM (
        SELECT m.quantity, m.part, m.value_from, m.value_to, log_mean(t.total_to, t.total_from) * ln(m.value_to / m.value_from) AS moved_by, t.total_from, t.total_to
        FROM moved m JOIN total t ON t.quantity = m.quantity
        UNION ALL SELECT t.quantity, 'total', t.total_from, t.total_to, t.total_to - t.total_from, t.total_from, t.total_to FROM total t) a CROSS JOIN method m
    ORDER BY a.quantity, a.part = 'total', abs(a.moved_by) DESC, a.part;
COMMENT ON MACRO TABLE why_moved IS 'Why a bundled training estimate costs and emits another sum at to_at than at from_at: parts for hardware (GPU-hours at peak), utilisation, price at constant exchange rates, exchange rate, power, PUE, grid and method (GPU-hours and energy by to_method over those by from_method), which add up exactly to the change (LMDI-I, Ang 2005). The price is the median of the offers that the estimate takes; what the scenario states stays as it is; grid: latest whole year on one boundary, that of the estimate unless named. to_accelerator, to_provider, to_region and utilization_to move the job. NULL where a factor is not known. why_moved(''gpt-3-175b-h100'', DATE ''2024-01-01'', to_at := DATE ''2026-01-01'').';
