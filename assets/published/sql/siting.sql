-- Where to run a job: every place there is, with money, energy and carbon.
CREATE OR REPLACE MACRO siting(gpu_hours := NULL, flop := NULL, model := NULL, accelerator := NULL, purchase := NULL, valid_at := now(),
        known_at := TIMESTAMPTZ 'infinity', utilization := NULL, boundary := 'lifecycle') AS TABLE
    WITH assumed AS (
        SELECT max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'utilization_share') AS utilization_share,
            max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'power_share_of_tdp') AS power_share,
            max_by(d.central, d.method_version) FILTER (WHERE d.factor = 'pue') AS usual_pue
        FROM reference.method_default d),
    work AS (
        SELECT coalesce(flop::DOUBLE, max(coalesce(m.training_flop,
            training_flop(coalesce(m.active_parameters_count, m.parameters_count), m.training_tokens_count, m.flop_per_parameter_token)))) AS wanted_flop
        FROM reference.model m WHERE lower(m.model_id) = lower(model) OR lower(m.name) = lower(model)),
    offer AS (
        SELECT o.*, first_value(o.source_id) OVER (PARTITION BY o.provider, o.accelerator_id, o.purchase_option
            ORDER BY o.source_rank, o.source_offer_count DESC, o.source_id) AS speaking_source_id
        FROM (
            SELECT k.*, count(*) OVER (PARTITION BY k.provider, k.accelerator_id, k.purchase_option, k.source_id) AS source_offer_count
            FROM cloud_offer_known(known_at := known_at::TIMESTAMPTZ) k
            WHERE k.accelerator_id IS NOT NULL AND k.price_usd_per_gpu_hour > 0 AND k.counts_from <= valid_at::TIMESTAMPTZ AND k.counts_to > valid_at::TIMESTAMPTZ
              AND (accelerator IS NULL OR k.accelerator_id IN (SELECT i.accelerator_id FROM accelerator_ids(accelerator) i))
              AND (purchase IS NULL OR k.purchase_option = purchase)) o),
    cheapest_offer AS (
        SELECT o.* FROM offer o WHERE o.source_id = o.speaking_source_id
        QUALIFY row_number() OVER (PARTITION BY o.provider, o.region, o.accelerator_id, o.purchase_option ORDER BY o.price_usd_per_gpu_hour, o.instance_type) = 1),
    -- The latest whole year of each zone on the basis asked for: places are compared by like with like.
    year AS (
        SELECT g.zone, g.plain_mean_gco2e_per_kwh, g.year_from, g.source_id
        FROM observed.grid_carbon_year g
        WHERE g.basis_boundary = boundary AND g.basis_method = 'average' AND g.basis_accounting = 'location' AND g.basis_kind = 'actual' AND g.covered_share >= 0.9
          AND g.year_from <= valid_at::TIMESTAMPTZ
        QUALIFY row_number() OVER (PARTITION BY g.zone ORDER BY g.year_from DESC, source_rank(g.source_id), epoch(slot_length(g.resolution)), g.source_id) = 1),
    placed AS (
        SELECT o.provider, o.region, o.accelerator_id, o.purchase_option, o.instance_type, o.price_usd_per_gpu_hour, o.confirmed_at, o.source_id, o.capture_id,
            o.is_bundled, a.tdp_w, coalesce(r.pue, d.usual_pue) AS pue, r.pue IS NOT NULL AS is_pue_published, r.grid_zone,
            coalesce(z.zone, c.zone) AS zone_used, coalesce(z.plain_mean_gco2e_per_kwh, c.plain_mean_gco2e_per_kwh) AS grid_gco2e_per_kwh,
            year(coalesce(z.year_from, c.year_from) AT TIME ZONE 'UTC') AS grid_year, d.power_share,
            coalesce(gpu_hours::DOUBLE, gpu_hours_of_flop((SELECT w.wanted_flop FROM work w),
                achieved_flop_per_s(a.fp16_dense_flop_per_s, coalesce(utilization::DOUBLE, d.utilization_share)))) AS job_gpu_hours
        FROM cheapest_offer o CROSS JOIN assumed d
        LEFT JOIN reference.accelerator a ON a.accelerator_id = o.accelerator_id
        LEFT JOIN reference.region r ON r.provider = o.provider AND r.region = o.region
        LEFT JOIN reference.country n ON n.country_code = r.country_code
        LEFT JOIN year z ON z.zone = r.grid_zone
        LEFT JOIN year c ON c.zone = coalesce(n.grid_zone, r.country_code)),
    costed AS (
        SELECT p.*, cost_usd(p.job_gpu_hours, p.price_usd_per_gpu_hour) AS cost_usd, energy_kwh(p.job_gpu_hours, power_w_per_gpu(p.tdp_w, p.power_share), p.pue) AS energy_kwh,
            operational_kgco2e(energy_kwh(p.job_gpu_hours, power_w_per_gpu(p.tdp_w, p.power_share), p.pue), p.grid_gco2e_per_kwh) AS operational_kgco2e
        FROM placed p)
    SELECT c.provider, c.region, c.accelerator_id, c.purchase_option, c.instance_type, c.cost_usd, c.energy_kwh, c.operational_kgco2e,
        -- On the frontier: nowhere both cheaper and greener. NULL where the carbon is not known.
        CASE WHEN c.cost_usd IS NOT NULL AND c.operational_kgco2e IS NOT NULL THEN
            c.operational_kgco2e = min(c.operational_kgco2e) OVER (ORDER BY c.cost_usd RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
            AND c.cost_usd = min(c.cost_usd) OVER (PARTITION BY c.operational_kgco2e) END AS is_pareto,
        c.job_gpu_hours AS gpu_hours, c.price_usd_per_gpu_hour, c.pue, c.is_pue_published, c.grid_gco2e_per_kwh, c.grid_zone, c.zone_used, c.grid_year,
        nullif(concat_ws('; ', CASE WHEN c.grid_zone IS NULL THEN 'grid of the region not known' WHEN c.grid_gco2e_per_kwh IS NULL THEN 'no carbon value for the zone on this basis'
            WHEN c.zone_used <> c.grid_zone THEN 'carbon of the country, none for the zone' END, CASE WHEN c.tdp_w IS NULL THEN 'power of the accelerator not known' END,
            CASE WHEN c.job_gpu_hours IS NULL THEN 'hours of the job not known on this accelerator' END), '') AS unknown,
        c.confirmed_at, c.source_id, c.capture_id, c.is_bundled
    FROM costed c ORDER BY c.cost_usd NULLS LAST, c.operational_kgco2e NULLS LAST, c.provider, c.region, c.accelerator_id, c.purchase_option;
COMMENT ON MACRO TABLE siting IS 'Every (provider, region, accelerator, purchase) that can be bought for a job, given as gpu_hours, flop or a model to train: cost, energy, operational carbon (location-based, latest whole year on one basis), and whether it is on the frontier of money and carbon. Unknown stays NULL and says why; whether a model fits the memory is not asked; known_at holds for the prices. siting(gpu_hours := 1000, accelerator := ''H100''), siting(model := ''llama-3-70b'').';
