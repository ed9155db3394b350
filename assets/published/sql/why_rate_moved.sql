-- Why a job costs and emits another sum at one offer than at another, or later: an exact split into its factors (logarithmic mean Divisia index, LMDI-I).
CREATE OR REPLACE MACRO why_rate_moved(from_provider, from_instance_type, from_at, to_at := now(), from_region := NULL, purchase := 'on_demand', to_provider := NULL, to_instance_type := NULL,
        to_region := NULL, gpu_hours := NULL, flop := NULL, utilization_from := NULL, utilization_to := NULL, known_at := TIMESTAMPTZ 'infinity', boundary := 'lifecycle') AS TABLE
    WITH assumed AS (
        SELECT max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'utilization_share') AS utilization_share,
            max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'power_share_of_tdp') AS power_share,
            max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'pue') AS usual_pue
        FROM reference.method_default d),
    side AS (
        SELECT 'from' AS side, from_at::TIMESTAMPTZ AS as_of_at, from_provider AS want_provider, from_instance_type AS want_type, from_region AS want_region, utilization_from::DOUBLE AS used
        UNION ALL SELECT 'to', to_at::TIMESTAMPTZ, coalesce(to_provider, from_provider), coalesce(to_instance_type, from_instance_type), coalesce(to_region, from_region),
            coalesce(utilization_to, utilization_from)::DOUBLE),
    offer AS (
        SELECT s.side, s.as_of_at, s.used, o.provider, o.region, o.price_amount_per_hour / o.accelerator_count AS amount, o.price_usd_per_gpu_hour / (o.price_amount_per_hour / o.accelerator_count) AS usd,
            o.accelerator_id
        FROM side s JOIN cloud_offer_known(known_at := known_at::TIMESTAMPTZ) o ON o.provider = s.want_provider AND o.instance_type = s.want_type
            AND (s.want_region IS NULL OR o.region = s.want_region) AND o.purchase_option = purchase AND o.counts_from <= s.as_of_at AND o.counts_to > s.as_of_at
            AND o.price_usd_per_gpu_hour > 0
        -- Where no region is named: the cheapest.
        QUALIFY row_number() OVER (PARTITION BY s.side ORDER BY o.source_rank, o.price_usd_per_gpu_hour, o.region, o.source_id) = 1),
    grid AS (
        SELECT g.zone, g.plain_mean_gco2e_per_kwh AS intensity, g.year_from FROM observed.grid_carbon_year g
        WHERE g.basis_boundary = boundary AND g.basis_method = 'average' AND g.basis_accounting = 'location' AND g.basis_kind = 'actual' AND g.covered_share >= 0.9
        QUALIFY row_number() OVER (PARTITION BY g.zone, g.year_from ORDER BY source_rank(g.source_id), epoch(slot_length(g.resolution)), g.source_id) = 1),
    -- The latest whole year of the zone and of the country; where the place stays, both sides take the same of the two.
    placed AS (
        SELECT o.*, r.grid_zone, r.pue, max_by(g.intensity, g.year_from) FILTER (g.zone = r.grid_zone) AS own_grid,
            max_by(g.intensity, g.year_from) FILTER (g.zone = coalesce(n.grid_zone, r.country_code)) AS country_grid
        FROM offer o LEFT JOIN reference.region r ON r.provider = o.provider AND r.region = o.region LEFT JOIN reference.country n ON n.country_code = r.country_code
        LEFT JOIN grid g ON g.zone IN (r.grid_zone, coalesce(n.grid_zone, r.country_code)) AND g.year_from <= o.as_of_at
        GROUP BY ALL),
    valued AS (
        SELECT o.side, CASE WHEN gpu_hours IS NULL THEN flop::DOUBLE / a.fp16_dense_flop_per_s / 3600 ELSE gpu_hours::DOUBLE END AS hardware,
            CASE WHEN gpu_hours IS NULL THEN 1 / coalesce(o.used, d.utilization_share) ELSE 1 END AS utilization, o.amount, o.usd,
            power_w_per_gpu(a.tdp_w, d.power_share) / 1000 AS power, coalesce(o.pue, d.usual_pue) AS pue,
            CASE WHEN count(o.own_grid) OVER (PARTITION BY o.grid_zone) = count(*) OVER (PARTITION BY o.grid_zone) THEN o.own_grid ELSE o.country_grid END / 1000 AS grid
        FROM placed o CROSS JOIN assumed d LEFT JOIN reference.accelerator a ON a.accelerator_id = o.accelerator_id),
    factor AS (
        SELECT v.side, q.quantity, q.part, q.value FROM valued v, LATERAL (
            SELECT unnest(['cost_usd', 'cost_usd', 'cost_usd', 'cost_usd', 'operational_kgco2e', 'operational_kgco2e', 'operational_kgco2e', 'operational_kgco2e', 'operational_kgco2e']) AS quantity,
                unnest(['hardware', 'utilization', 'price', 'exchange_rate', 'hardware', 'utilization', 'power', 'pue', 'grid']) AS part,
                unnest([v.hardware, v.utilization, v.amount, v.usd, v.hardware, v.utilization, v.power, v.pue, v.grid]) AS value) q),
    moved AS (
        SELECT f.quantity, f.part, f.value AS value_from, t.value AS value_to FROM factor f JOIN factor t ON t.quantity = f.quantity AND t.part = f.part
        WHERE f.side = 'from' AND t.side = 'to'),
    total AS (
        SELECT m.quantity, CASE WHEN count(m.value_from) = count(*) THEN product(m.value_from) END AS total_from, CASE WHEN count(m.value_to) = count(*) THEN product(m.value_to) END AS total_to
        FROM moved m GROUP BY ALL)
    SELECT a.* FROM (
    SELECT m.quantity, m.part, m.value_from, m.value_to, log_mean(t.total_to, t.total_from) * ln(m.value_to / m.value_from) AS moved_by, t.total_from, t.total_to
    FROM moved m JOIN total t ON t.quantity = m.quantity
    UNION ALL SELECT t.quantity, 'total', t.total_from, t.total_to, t.total_to - t.total_from, t.total_from, t.total_to FROM total t) a
    ORDER BY a.quantity, a.part = 'total', abs(a.moved_by) DESC, a.part;
COMMENT ON MACRO TABLE why_rate_moved IS 'Why a job costs and emits another sum at to_at than at from_at: parts for hardware (GPU-hours at peak), utilisation, price in its own currency, exchange rate, power, PUE and grid, which add up exactly to the change (LMDI-I). The job is given as gpu_hours or flop; to_provider, to_instance_type and to_region move it. NULL where a factor is not known. why_rate_moved(''aws'', ''p5.48xlarge'', DATE ''2025-06-01'', DATE ''2025-07-01'', gpu_hours := 1000).';
