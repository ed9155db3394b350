-- Where to run a job: every place, with cost, energy and carbon, and the probability that one beats another.
CREATE OR REPLACE MACRO siting(gpu_hours := NULL, flop := NULL, model := NULL, accelerator := NULL, purchase := NULL,
        valid_at := TIMESTAMPTZ '-infinity', known_at := TIMESTAMPTZ 'infinity', utilization := NULL,
        boundary := 'lifecycle', data_gb := 0, from_provider := NULL, from_region := NULL, transfer_usd_per_gb := NULL,
        bandwidth_gbit_per_s := NULL, against_provider := NULL, against_region := NULL, against_accelerator := NULL,
        against_purchase := NULL) AS TABLE
    WITH asked AS (
        SELECT _asked_number('gpu_hours', gpu_hours, 0, 1e15) AS asked_gpu_hours,
            _asked_number('flop', flop, 0, 1e35) AS asked_flop,
            model_key(_asked_model('model', model)) AS asked_model_key, _asked_instant(valid_at) AS asked_at,
            _asked_number('utilization', utilization, 1e-9, 1) AS asked_utilization,
            _asked_boundary(boundary) AS asked_boundary, _asked_number('data_gb', data_gb, 0, 1e15) AS moved_gb,
            lower(_asked_provider('from_provider', from_provider)) AS moved_from_provider,
            lower(_asked_region('from_region', from_region, from_provider)) AS moved_from_region,
            _asked_number('transfer_usd_per_gb', transfer_usd_per_gb, 0, 1000) AS given_usd_per_gb,
            _asked_number('bandwidth_gbit_per_s', bandwidth_gbit_per_s, 1e-6, 1e9) AS asked_bandwidth,
            lower(_asked_provider('against_provider', against_provider)) AS other_provider,
            lower(_asked_region('against_region', against_region, against_provider)) AS other_region,
            against_accelerator IS NULL AS is_any_other,
            _asked_purchase('against_purchase', against_purchase) AS other_purchase),
    wanted_other AS (SELECT i.accelerator_id FROM _asked_accelerators('against_accelerator', against_accelerator) i),
    usual_egress AS (
        SELECT e.low, e.central, e.high FROM _decision_default('egress_usd_per_gb', of_provider := from_provider) e),
    assumed AS (
        SELECT u.low AS utilization_low, u.central AS utilization_share, u.high AS utilization_high,
            p.central AS power_share, lognormal_sigma(p.central, p.low) AS power_down,
            lognormal_sigma(p.central, p.high) AS power_up, q.central AS usual_pue,
            lognormal_sigma(q.central, q.low) AS pue_down, lognormal_sigma(q.central, q.high) AS pue_up,
            lognormal_sigma(g.central, g.low) AS grid_down, lognormal_sigma(g.central, g.high) AS grid_up,
            l.central AS life_years, lognormal_sigma(l.central, l.high) AS life_down,
            lognormal_sigma(l.central, l.low) AS life_up, s.central AS use_share,
            lognormal_sigma(s.central, s.high) AS use_down, lognormal_sigma(s.central, s.low) AS use_up
        FROM _method_band('utilization_share') u, _method_band('power_share_of_tdp') p, _method_band('pue') q,
            _method_band('grid_ratio') g, _decision_default('life_years') l, _decision_default('hardware_use_share') s),
    work AS (
        SELECT coalesce((SELECT q.asked_flop FROM asked q),
            max(coalesce(m.training_flop, training_flop(coalesce(m.active_parameters_count, m.parameters_count),
                    m.training_tokens_count, m.flop_per_parameter_token)))) AS wanted_flop
        FROM reference.model m
        WHERE m.model_id = (
            SELECT n.model_id FROM observed.model_name n JOIN asked q ON n.name_key = q.asked_model_key)),
    egress AS (
        SELECT coalesce(q.given_usd_per_gb, e.central) AS usd_per_gb, coalesce(q.given_usd_per_gb, e.low) AS low_usd_per_gb,
            coalesce(q.given_usd_per_gb, e.high) AS high_usd_per_gb
        FROM asked q LEFT JOIN usual_egress e ON true),
    cheapest_offer AS (
        SELECT o.*
        FROM spoken_offer(valid_at := valid_at, known_at := known_at, accelerator := accelerator,
            purchase := purchase) o
        QUALIFY row_number() OVER (PARTITION BY o.provider, o.region, o.accelerator_id, o.purchase_option
            ORDER BY o.price_usd_per_gpu_hour, o.instance_type) = 1),
    -- The year that stands for each zone on the requested boundary, so that all places are compared on one basis.
    year AS (
        SELECT g.*
        FROM grid_carbon_span_known(known_at := _instant(known_at)) g
        JOIN asked q ON g.basis_boundary = q.asked_boundary
        WHERE g.grain = 'yearly' AND g.basis_method = 'average' AND g.basis_accounting = 'location'
            AND is_year_for(g.span_from, g.span_to, q.asked_at)
        QUALIFY row_number() OVER (PARTITION BY g.zone ORDER BY year_rank(g.basis_kind, g.span_to, q.asked_at,
            g.source_rank, g.resolution, g.source_id)) = 1),
    embodied_card AS (
        SELECT a.accelerator_id, c.low_kgco2e, c.central_kgco2e, c.high_kgco2e FROM reference.accelerator a
        JOIN reference.embodied_carbon c ON starts_with(a.accelerator_id, c.accelerator_prefix)
        QUALIFY row_number() OVER (PARTITION BY a.accelerator_id ORDER BY length(c.accelerator_prefix) DESC) = 1),
    placed AS (
        SELECT o.provider, o.region, o.accelerator_id, o.purchase_option, o.instance_type, o.price_usd_per_gpu_hour,
            o.confirmed_at, o.source_id, o.capture_id, o.is_bundled, a.tdp_w, coalesce(r.pue, d.usual_pue) AS pue,
            r.pue IS NOT NULL AS is_pue_published, r.grid_zone, d.*, coalesce(z.zone, c.zone) AS zone_used,
            coalesce(z.mean_gco2e_per_kwh, c.mean_gco2e_per_kwh) AS grid_gco2e_per_kwh,
            year(coalesce(z.span_to, c.span_to) AT TIME ZONE 'UTC' - INTERVAL 1 DAY) AS grid_year,
            (coalesce(z.span_from, c.span_from) AT TIME ZONE 'UTC')::DATE AS grid_from_on,
            coalesce(z.source_id, c.source_id) AS grid_source_id,
            coalesce(z.resolution, c.resolution) AS grid_resolution,
            coalesce(z.estimated_share, c.estimated_share) AS grid_estimated_share, e.low_kgco2e, e.central_kgco2e,
            e.high_kgco2e,
            coalesce(q.asked_gpu_hours, gpu_hours_of_flop((SELECT w.wanted_flop FROM work w),
                    achieved_flop_per_s(a.fp16_dense_flop_per_s,
                        coalesce(q.asked_utilization, d.utilization_share)))) AS job_gpu_hours,
            -- Hours have no band if they are given, or if the utilisation is.
            CASE WHEN q.asked_gpu_hours IS NULL AND q.asked_utilization IS NULL
                    THEN lognormal_sigma(d.utilization_share, d.utilization_high)
                ELSE 0 END AS hours_down,
            CASE WHEN q.asked_gpu_hours IS NULL AND q.asked_utilization IS NULL
                    THEN lognormal_sigma(d.utilization_share, d.utilization_low)
                ELSE 0 END AS hours_up,
            CASE WHEN q.moved_gb = 0
                OR (o.provider = q.moved_from_provider AND lower(o.region) = q.moved_from_region) THEN 0.0
                WHEN q.given_usd_per_gb IS NOT NULL OR o.provider <> q.moved_from_provider
                    THEN q.moved_gb * (SELECT t.usd_per_gb FROM egress t) END AS transfer_usd
        FROM cheapest_offer o CROSS JOIN assumed d CROSS JOIN asked q
        LEFT JOIN reference.accelerator a ON a.accelerator_id = o.accelerator_id
        LEFT JOIN embodied_card e ON e.accelerator_id = o.accelerator_id
        LEFT JOIN reference.region r ON lower(r.provider) = lower(o.provider) AND lower(r.region) = lower(o.region)
        LEFT JOIN reference.country n ON n.country_code = _country_told(r.region, r.country_code, o.region)
        LEFT JOIN year z ON z.zone = r.grid_zone LEFT JOIN year c ON c.zone = coalesce(n.grid_zone, n.country_code)),
    costed AS (
        SELECT p.*, cost_usd(p.job_gpu_hours, p.price_usd_per_gpu_hour) AS cost_usd,
            energy_kwh(p.job_gpu_hours, power_w_per_gpu(p.tdp_w, p.power_share), p.pue) AS energy_kwh,
            operational_kgco2e(energy_kwh(p.job_gpu_hours, power_w_per_gpu(p.tdp_w, p.power_share), p.pue),
                p.grid_gco2e_per_kwh) AS operational_kgco2e,
            embodied_kgco2e(p.central_kgco2e, p.job_gpu_hours, p.life_years, p.use_share) AS embodied_kgco2e,
            CASE WHEN p.is_pue_published THEN 0 ELSE p.pue_down ** 2 END AS pue_square_down,
            CASE WHEN p.is_pue_published THEN 0 ELSE p.pue_up ** 2 END AS pue_square_up
        FROM placed p),
    -- By how much the usual price of a gigabyte sent out moves the total: it is one price for all places.
    moved AS (
        SELECT c.*, coalesce(c.transfer_usd * (1 - t.low_usd_per_gb / nullif(t.usd_per_gb, 0)), 0) AS less_usd,
            coalesce(c.transfer_usd * (t.high_usd_per_gb / nullif(t.usd_per_gb, 0) - 1), 0) AS more_usd
        FROM costed c CROSS JOIN egress t),
    summed AS (
        SELECT c.*, c.cost_usd + c.transfer_usd AS total_usd, c.operational_kgco2e + c.embodied_kgco2e AS total_kgco2e,
            sigma_down(c.cost_usd + c.transfer_usd, band_low(c.cost_usd, c.hours_down ** 2) + c.transfer_usd,
                c.cost_usd + c.transfer_usd) AS rental_down,
            sigma_up(c.cost_usd + c.transfer_usd, band_high(c.cost_usd, c.hours_up ** 2) + c.transfer_usd,
                c.cost_usd + c.transfer_usd) AS rental_up,
            sigma_down(c.cost_usd + c.transfer_usd, c.cost_usd + c.transfer_usd - c.less_usd,
                c.cost_usd + c.transfer_usd) AS transfer_down,
            sigma_up(c.cost_usd + c.transfer_usd, c.cost_usd + c.transfer_usd + c.more_usd,
                c.cost_usd + c.transfer_usd) AS transfer_up,
            c.power_down ** 2 + c.pue_square_down + c.grid_down ** 2 AS place_square_down,
            c.power_up ** 2 + c.pue_square_up + c.grid_up ** 2 AS place_square_up,
            two_piece(c.hours_down, c.hours_up) AS hours_step,
            product_of_steps([two_piece(c.power_down, c.power_up),
                two_piece(sqrt(c.pue_square_down), sqrt(c.pue_square_up))]) AS power_step,
            two_piece(c.grid_down, c.grid_up) AS grid_step,
            product_of_steps([two_piece(lognormal_sigma(c.central_kgco2e, c.low_kgco2e),
                    lognormal_sigma(c.central_kgco2e, c.high_kgco2e)), two_piece(c.life_down, c.life_up),
                two_piece(c.use_down, c.use_up)]) AS manufacture_step
        FROM moved c),
    -- Operational and embodied carbon have the hours in common, and nothing else.
    stepped AS (
        SELECT s.*, product_of_steps([two_piece(s.rental_down, s.rental_up),
                two_piece(s.transfer_down, s.transfer_up)]) AS usd_step,
            product_of_steps([s.hours_step, s.power_step]) AS energy_step,
            product_of_steps([s.hours_step, s.power_step, s.grid_step]) AS operational_step,
            product_of_steps([s.hours_step, s.manufacture_step]) AS embodied_step,
            product_of_steps([s.hours_step,
                sum_of_steps(s.operational_kgco2e, product_of_steps([s.power_step, s.grid_step]), s.embodied_kgco2e,
                    s.manufacture_step)]) AS total_step
        FROM summed s),
    -- The reference row: the one named, else the cheapest whose carbon is known.
    reference_row AS (
        SELECT s.*
        FROM summed s CROSS JOIN asked q
        WHERE (q.other_provider IS NULL OR s.provider = q.other_provider)
            AND (q.other_region IS NULL OR lower(s.region) = q.other_region)
            AND (q.other_purchase IS NULL OR s.purchase_option = q.other_purchase)
            AND (q.is_any_other OR s.accelerator_id IN (SELECT w.accelerator_id FROM wanted_other w))
        ORDER BY s.operational_kgco2e IS NULL, s.total_usd NULLS LAST, s.provider, s.region, s.accelerator_id,
            s.purchase_option
        LIMIT 1),
    compared AS (
        SELECT s.*,
            (s.provider, s.region, s.accelerator_id, s.purchase_option) = (b.provider, b.region, b.accelerator_id,
                b.purchase_option) AS is_reference,
            -- Factors that both places share cancel out: hours and power of the same accelerator, mix of the same zone,
            -- PUE of the same place.
            CASE WHEN s.accelerator_id = b.accelerator_id THEN 0 ELSE 1 END AS other_card,
            CASE WHEN s.zone_used = b.zone_used THEN 0 ELSE 1 END AS other_zone,
            CASE WHEN s.provider = b.provider AND s.region = b.region THEN 0 ELSE 1 END AS other_place,
            -- The price of what is sent out is the same for both: what is left is by how much its steps differ.
            s.transfer_down - b.transfer_down AS transfer_down_apart, s.transfer_up - b.transfer_up AS transfer_up_apart,
            -- Hours move the rental and not the transfer, so each total by the share that its rental has in it; of one
            -- accelerator, by how much these shares differ.
            s.cost_usd / s.total_usd - CASE WHEN s.accelerator_id = b.accelerator_id THEN b.cost_usd / b.total_usd
                ELSE 0 END AS hours_weight,
            CASE WHEN s.accelerator_id = b.accelerator_id THEN 0 ELSE b.cost_usd / b.total_usd END AS b_hours_weight,
            b.total_usd AS b_usd, b.operational_kgco2e AS b_kg, b.hours_down AS b_hours_down, b.hours_up AS b_hours_up,
            b.power_down AS b_power_down, b.power_up AS b_power_up, b.pue_square_down AS b_pue_down,
            b.pue_square_up AS b_pue_up, b.grid_down AS b_grid_down, b.grid_up AS b_grid_up
        FROM stepped s LEFT JOIN reference_row b ON true)
    SELECT c.provider, c.region, c.accelerator_id, c.purchase_option, c.instance_type, c.total_usd,
        low_of_step(c.total_usd, c.usd_step) AS low_usd, high_of_step(c.total_usd, c.usd_step) AS high_usd, c.cost_usd, c.transfer_usd,
        CASE WHEN q.moved_gb = 0 THEN 0.0
            WHEN c.provider = q.moved_from_provider AND lower(c.region) = q.moved_from_region THEN 0.0
            ELSE q.moved_gb * 8 / q.asked_bandwidth / 3600 END AS transfer_h,
        c.energy_kwh, low_of_step(c.energy_kwh, c.energy_step) AS low_energy_kwh,
        high_of_step(c.energy_kwh, c.energy_step) AS high_energy_kwh, c.operational_kgco2e,
        low_of_step(c.operational_kgco2e, c.operational_step) AS low_operational_kgco2e,
        high_of_step(c.operational_kgco2e, c.operational_step) AS high_operational_kgco2e, c.embodied_kgco2e,
        low_of_step(c.embodied_kgco2e, c.embodied_step) AS low_embodied_kgco2e,
        high_of_step(c.embodied_kgco2e, c.embodied_step) AS high_embodied_kgco2e, c.total_kgco2e,
        low_of_step(c.total_kgco2e, c.total_step) AS low_total_kgco2e,
        high_of_step(c.total_kgco2e, c.total_step) AS high_total_kgco2e,
        CASE WHEN c.is_reference THEN NULL
            ELSE probability_below(c.total_usd, c.b_usd,
                (c.hours_weight * CASE WHEN c.hours_weight >= 0 THEN c.hours_down ELSE c.hours_up END) ** 2
                    + greatest(c.transfer_down_apart, -c.transfer_up_apart, 0) ** 2,
                (c.hours_weight * CASE WHEN c.hours_weight >= 0 THEN c.hours_up ELSE c.hours_down END) ** 2
                    + greatest(c.transfer_up_apart, -c.transfer_down_apart, 0) ** 2,
                (c.b_hours_weight * c.b_hours_down) ** 2,
                (c.b_hours_weight * c.b_hours_up) ** 2) END AS cheaper_probability,
        CASE WHEN c.is_reference THEN NULL
            ELSE probability_below(c.operational_kgco2e, c.b_kg,
                c.other_card * (c.hours_down ** 2 + c.power_down ** 2) + c.other_place * c.pue_square_down + c.other_zone
                * c.grid_down ** 2, c.other_card * (c.hours_up ** 2 + c.power_up ** 2) + c.other_place * c.pue_square_up
                + c.other_zone * c.grid_up ** 2, c.other_card * (c.b_hours_down ** 2 + c.b_power_down ** 2)
                + c.other_place * c.b_pue_down + c.other_zone * c.b_grid_down ** 2,
                c.other_card * (c.b_hours_up ** 2 + c.b_power_up ** 2) + c.other_place * c.b_pue_up
                + c.other_zone * c.b_grid_up ** 2) END AS greener_probability,
        c.is_reference,
        -- On the Pareto frontier: no place is both cheaper and greener. NULL where cost or carbon is not known.
        CASE WHEN c.total_usd IS NOT NULL AND c.operational_kgco2e IS NOT NULL
                THEN c.operational_kgco2e = min(c.operational_kgco2e) FILTER (c.total_usd IS NOT NULL) OVER (
                    ORDER BY c.total_usd RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                    AND c.total_usd = min(c.total_usd) OVER (PARTITION BY c.operational_kgco2e) END AS is_pareto,
        c.job_gpu_hours AS gpu_hours, low_of_step(c.job_gpu_hours, c.hours_step) AS low_gpu_hours,
        high_of_step(c.job_gpu_hours, c.hours_step) AS high_gpu_hours, c.price_usd_per_gpu_hour, c.pue, c.is_pue_published, c.grid_gco2e_per_kwh,
        c.grid_zone, c.zone_used, c.grid_year, c.grid_from_on, c.grid_source_id, c.grid_resolution,
        c.grid_estimated_share,
        nullif(concat_ws('; ', CASE WHEN c.grid_zone IS NULL AND c.zone_used IS NULL THEN 'grid of the region not known'
                    WHEN c.grid_zone IS NULL THEN 'carbon of the country, grid zone of the region not known'
                    WHEN c.grid_gco2e_per_kwh IS NULL THEN 'no carbon value for the zone on this basis'
                    WHEN c.zone_used <> c.grid_zone THEN 'carbon of the country, none for the zone' END,
                CASE WHEN c.tdp_w IS NULL THEN 'power of the accelerator not known' END,
                CASE WHEN c.job_gpu_hours IS NULL THEN 'hours of the job not known on this accelerator' END,
                CASE WHEN c.central_kgco2e IS NULL THEN 'manufacture of the accelerator not published' END,
                CASE WHEN c.transfer_usd IS NULL THEN 'price of the transfer not known: give transfer_usd_per_gb' END),
            '') AS unknown,
        c.confirmed_at, c.source_id, c.capture_id, c.is_bundled
    FROM compared c CROSS JOIN asked q
    ORDER BY c.total_usd NULLS LAST, c.operational_kgco2e NULLS LAST, c.provider, c.region, c.accelerator_id,
        c.purchase_option;
COMMENT ON MACRO TABLE siting IS
    'Every (provider, region, accelerator, purchase) that can be bought for a job, given as gpu_hours, flop or a model '
    'to train: cost with the transfer of data_gb from (from_provider, from_region), energy, operational carbon '
    '(location-based; the year of the grid that stands for valid_at, see year_rank: of twelve months from grid_from_on '
    'on, estimated where nothing measured is known) and embodied carbon of the card, and both together, each with its '
    'band (p5, p95; the price of an offer is observed and has none); the probability that it is cheaper and that it is greener than the reference (against_…; else the cheapest whose '
    'carbon is known), from what the two do not share; and whether it is on the frontier of money and operational '
    'carbon. Unknown stays NULL and says why; whether a model fits the memory is not checked; known_at holds for '
    'prices and grids. siting(gpu_hours := 1000, accelerator := ''H100''), siting(model := ''llama-3-70b'', '
    'against_provider := ''aws'').';
