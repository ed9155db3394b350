-- East data, West computing: the same servers in each of China's national computing hubs.
CREATE OR REPLACE MACRO east_west(it_energy_kwh := 1e6, from_cluster := 'shaoguan', of_year := NULL, data_gb := 0,
        transfer_cny_per_gb := NULL, bandwidth_gbit_per_s := NULL, latency_limit_ms := NULL, boundary := 'direct',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT _asked_number('it_energy_kwh', it_energy_kwh, 0, 1e15) AS it_kwh,
            lower(_asked_cluster('from_cluster', from_cluster)) AS home_cluster,
            of_year::BIGINT AS asked_year, _asked_number('data_gb', data_gb, 0, 1e15) AS moved_gb,
            _asked_number('transfer_cny_per_gb', transfer_cny_per_gb, 0, 1000) AS cny_per_gb,
            _asked_number('bandwidth_gbit_per_s', bandwidth_gbit_per_s, 1e-6, 1e9) AS asked_bandwidth,
            _asked_number('latency_limit_ms', latency_limit_ms, 0, 1e6) AS most_latency_ms,
            _asked_boundary(boundary) AS asked_boundary),
    grid AS (
        SELECT g.zone, g.mean_gco2e_per_kwh AS intensity,
            extract(year FROM g.span_from AT TIME ZONE 'UTC') AS grid_year, g.source_id, g.is_bundled
        FROM grid_carbon_span_known(known_at := _instant(known_at)) g
        JOIN asked q ON g.basis_boundary = q.asked_boundary
        -- Official factors are of calendar years, and published: what is estimated is none.
        WHERE g.grain = 'yearly' AND g.basis_method = 'average' AND g.basis_accounting = 'location'
            AND g.basis_kind = 'actual' AND extract(month FROM g.span_from AT TIME ZONE 'UTC') = 1
            AND g.zone IN (SELECT h.grid_zone FROM reference.compute_hub h)
            AND (q.asked_year IS NULL OR extract(year FROM g.span_from AT TIME ZONE 'UTC') = q.asked_year)
        QUALIFY row_number() OVER (PARTITION BY g.zone, g.span_from ORDER BY year_rank(g.basis_kind, g.span_to,
            g.span_to, g.source_rank, g.resolution, g.source_id)) = 1),
    -- One year for all hubs: the latest for which every hub has a value.
    common AS (
        SELECT g.*
        FROM grid g
        WHERE g.grid_year = (
            SELECT max(n.grid_year)
            FROM (SELECT y.grid_year, count(DISTINCT y.zone) AS zones FROM grid y GROUP BY y.grid_year) n
            WHERE n.zones = (SELECT count(DISTINCT y.zone) FROM grid y))),
    -- How far the mix differs from that of a published year; what a price is said to lie between.
    site AS (
        SELECT h.*, two_piece(lognormal_sigma(r.central, r.low), lognormal_sigma(r.central, r.high)) AS grid_step,
            coalesce(h.low_electricity_cny_per_kwh / h.electricity_cny_per_kwh, 1) AS low_price_ratio,
            coalesce(h.high_electricity_cny_per_kwh / h.electricity_cny_per_kwh, 1) AS high_price_ratio, q.it_kwh,
            facility_energy_kwh(q.it_kwh, h.pue_limit) AS energy_kwh, g.intensity, g.grid_year, g.source_id, g.is_bundled,
            electricity_cost(facility_energy_kwh(q.it_kwh, h.pue_limit), h.electricity_cny_per_kwh) AS electricity_cny,
            operational_kgco2e(facility_energy_kwh(q.it_kwh, h.pue_limit), g.intensity) AS kgco2
        FROM reference.compute_hub h CROSS JOIN asked q CROSS JOIN _method_band('grid_ratio') r
        LEFT JOIN common g ON g.zone = h.grid_zone),
    home AS (SELECT s.* FROM site s JOIN asked q ON s.cluster_id = q.home_cluster),
    moved AS (
        SELECT s.*, o.electricity_cny - s.electricity_cny AS saving_cny,
            -- One statement on the price of both is one error; two are independent of each other.
            CASE WHEN s.price_source_url = o.price_source_url AND s.price_kind = o.price_kind
                    THEN greatest(0, (o.electricity_cny - s.electricity_cny) * (1 - s.low_price_ratio),
                        (o.electricity_cny - s.electricity_cny) * (1 - s.high_price_ratio))
                ELSE sqrt((o.electricity_cny * (1 - o.low_price_ratio)) ** 2
                    + (s.electricity_cny * (s.high_price_ratio - 1)) ** 2) END AS less_cny,
            CASE WHEN s.price_source_url = o.price_source_url AND s.price_kind = o.price_kind
                    THEN greatest(0, (o.electricity_cny - s.electricity_cny) * (s.low_price_ratio - 1),
                        (o.electricity_cny - s.electricity_cny) * (s.high_price_ratio - 1))
                ELSE sqrt((o.electricity_cny * (o.high_price_ratio - 1)) ** 2
                    + (s.electricity_cny * (1 - s.low_price_ratio)) ** 2) END AS more_cny,
            s.kgco2 / nullif(o.kgco2, 0) - 1 AS carbon_change_share,
            -- The mix of one zone cancels out.
            product_of_steps(CASE WHEN s.grid_zone = o.grid_zone THEN []
                ELSE [s.grid_step, two_piece(s.grid_step.up, s.grid_step.down)] END) AS change_step,
            CASE WHEN s.cluster_id = o.cluster_id OR q.moved_gb = 0 THEN 0.0
                ELSE q.moved_gb * q.cny_per_gb END AS transfer_cny,
            CASE WHEN s.cluster_id = o.cluster_id OR q.moved_gb = 0 THEN 0.0
                ELSE q.moved_gb * 8 / q.asked_bandwidth / 3600 END AS transfer_h,
            (
                SELECT d.central
                FROM reference.decision_default d
                WHERE d.factor = 'network_latency_ms'
                    AND d.applies_to = CASE WHEN s.cluster_id = o.cluster_id THEN 'city'
                        WHEN s.hub = o.hub THEN 'region' ELSE 'between_hubs' END) AS network_latency_ms,
            s.cluster_id = o.cluster_id AS is_home, q.moved_gb, q.most_latency_ms
        FROM site s CROSS JOIN asked q LEFT JOIN home o ON true),
    judged AS (
        SELECT m.*, m.most_latency_ms IS NULL OR m.network_latency_ms <= m.most_latency_ms AS is_within_latency,
            m.electricity_cny + m.transfer_cny AS total_cny
        FROM moved m)
    SELECT j.cluster_id, j.name, j.hub, j.side, j.pue_limit AS pue, j.electricity_cny_per_kwh, j.price_kind,
        j.intensity AS grid_gco2_per_kwh, j.grid_year::INTEGER AS grid_year, j.energy_kwh, j.electricity_cny,
        j.electricity_cny * j.low_price_ratio AS low_electricity_cny,
        j.electricity_cny * j.high_price_ratio AS high_electricity_cny, j.transfer_cny, j.total_cny,
        j.electricity_cny * j.low_price_ratio + j.transfer_cny AS low_total_cny,
        j.electricity_cny * j.high_price_ratio + j.transfer_cny AS high_total_cny, j.saving_cny,
        j.saving_cny - j.less_cny AS low_saving_cny, j.saving_cny + j.more_cny AS high_saving_cny,
        j.saving_cny - j.transfer_cny AS net_saving_cny,
        j.saving_cny - j.less_cny - j.transfer_cny AS low_net_saving_cny,
        j.saving_cny + j.more_cny - j.transfer_cny AS high_net_saving_cny,
        j.saving_cny / nullif(j.moved_gb, 0) AS break_even_transfer_cny_per_gb,
        (j.saving_cny - j.less_cny) / nullif(j.moved_gb, 0) AS low_break_even_transfer_cny_per_gb,
        (j.saving_cny + j.more_cny) / nullif(j.moved_gb, 0) AS high_break_even_transfer_cny_per_gb, j.transfer_h,
        j.network_latency_ms, j.is_within_latency, j.kgco2, low_of_step(j.kgco2, j.grid_step) AS low_kgco2,
        high_of_step(j.kgco2, j.grid_step) AS high_kgco2, j.carbon_change_share,
        low_of_step(j.carbon_change_share + 1, j.change_step) - 1 AS low_carbon_change_share,
        high_of_step(j.carbon_change_share + 1, j.change_step) - 1 AS high_carbon_change_share, j.is_home,
        CASE WHEN NOT j.is_home THEN j.transfer_cny < j.saving_cny END AS is_transfer_below_saving,
        CASE WHEN NOT j.is_home THEN j.carbon_change_share < 0 END AS is_greener,
        -- On the Pareto frontier of cost and carbon, among the places within the latency limit.
        CASE WHEN NOT j.is_within_latency THEN false
            WHEN j.total_cny IS NOT NULL AND j.kgco2 IS NOT NULL
                THEN j.kgco2 = min(j.kgco2) FILTER (j.is_within_latency AND j.total_cny IS NOT NULL) OVER (
                    ORDER BY j.total_cny RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
                    AND j.total_cny = min(j.total_cny)
                    FILTER (j.is_within_latency) OVER (PARTITION BY j.kgco2) END AS is_pareto,
        CASE WHEN j.is_home THEN 'where the work is now'
            ELSE concat_ws('; ', CASE WHEN j.saving_cny IS NULL THEN 'saving not known: no price of electricity'
                    WHEN j.transfer_cny IS NULL THEN 'transfer not known: give transfer_cny_per_gb'
                    WHEN j.transfer_cny < j.saving_cny THEN 'transfer costs less than the saving'
                    WHEN j.saving_cny <= 0 THEN 'electricity is not cheaper'
                    ELSE 'transfer costs more than the saving' END,
                CASE WHEN j.carbon_change_share IS NULL THEN 'carbon not known'
                    WHEN j.carbon_change_share < 0 THEN 'greener by the official factor'
                    ELSE 'dirtier by the official factor' END,
                CASE WHEN NOT j.is_within_latency THEN 'exceeds the latency limit' END) END AS verdict,
        j.source_id, j.is_bundled
    FROM judged j ORDER BY j.side = 'west', j.side, j.total_cny NULLS LAST, j.cluster_id;
COMMENT ON MACRO TABLE east_west IS
    'The same servers in each of China''s computing hubs against where they are now: electricity at the PUE that the '
    'hub''s approval allows, CO2 by the official location-based factor of the province (one year for all; CO2 only), '
    'transfer of data_gb by volume x price and time by bandwidth, the network latency aimed at for 2025, the frontier '
    'of money and carbon, and whether transfer costs less than the saving and the west is greener. Prices are of the '
    'press; see reference.compute_hub. Bands (low_…, high_…: p5, p95) are of the range of a price, where one is '
    'stated, and of how far the mix differs from that of the year; PUE, latency and transfer are as stated. known_at '
    'holds for the factors of the grid. east_west(it_energy_kwh := 1e6, data_gb := 1e5, transfer_cny_per_gb := 0.1, latency_limit_ms := 10).';
