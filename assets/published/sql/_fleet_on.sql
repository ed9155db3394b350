-- A fleet as its estimate has it, and on another card or at another use: as fleet-3 of
-- assets/estimated/methods/fleet.py has it for a time and a power that were measured on the card of the estimate.
-- estimates_in and scenarios_in as in _served_on.
CREATE OR REPLACE MACRO _fleet_on(estimate, of_version, from_accelerator_id, to_accelerator_id, is_other_card,
        of_utilization, estimates_in := 'estimated', scenarios_in := 'reference') AS TABLE
    WITH stated AS (
        SELECT coalesce(max(_toml_text(s.definition, 'server_rounding')), 'up') AS server_rounding,
            coalesce(max(_toml_text(s.definition, 'rack_rounding')), 'up') AS rack_rounding
        FROM query_table(scenarios_in || '.scenario') s WHERE s.scenario_id = estimate),
    known AS (
        SELECT max(e.central) FILTER (e.quantity = 'gpu_hours_per_day') AS busy_hours,
            max(e.central) FILTER (e.quantity = 'gpu_count') AS gpus,
            max(e.central) FILTER (e.quantity = 'power_kw') AS power_kw,
            max(e.central) FILTER (e.quantity = 'server_count') AS servers,
            max(e.central) FILTER (e.quantity = 'rack_count') AS racks,
            bool_or(e.quantity = 'requests_per_day' AND e.central IS NOT NULL)
            AND bool_or(e.quantity = 'gpu_s_per_request' AND e.central IS NOT NULL) AS is_work_known
        FROM query_table(estimates_in || '.scenario_estimate') e
        WHERE e.scenario_id = estimate AND e.method_version = of_version AND starts_with(of_version, 'fleet-')),
    number AS (
        SELECT max(f.value) FILTER (f.factor = 'gpus_per_server_count') AS gpus_per_server,
            max(f.value) FILTER (f.factor = 'servers_per_rack_count') AS servers_per_rack,
            max(f.value) FILTER (f.factor = 'kw_per_rack') AS kw_per_rack,
            max(f.value) FILTER (f.factor = 'kw_per_server') AS kw_per_server,
            max(f.value) FILTER (f.factor = 'power_ratio') AS power_ratio,
            max(f.value) FILTER (f.factor = 'power_w_per_gpu') AS power_w,
            max(f.value) FILTER (f.factor = 'tdp_w') AS tdp_w,
            max(f.value) FILTER (f.factor = 'power_share_of_tdp') AS power_share,
            max(f.value) FILTER (f.factor = 'peak_to_mean_ratio') AS peak_to_mean,
            max(f.value) FILTER (f.factor = 'utilization_share') AS used,
            max(f.value) FILTER (f.factor = 'utilization_share' AND f.origin_kind = 'given') AS stated_use,
            coalesce(bool_or(f.factor IN ('gpu_hours_per_day', 'gpu_count', 'server_count', 'rack_count')),
                false) AS is_standing
        FROM query_table(estimates_in || '.factor') f WHERE f.scenario_id = estimate AND f.method_version = of_version),
    card AS (
        SELECT f.memory_bandwidth_gb_per_s / t.memory_bandwidth_gb_per_s AS time_ratio,
            t.tdp_w / f.tdp_w AS card_power_ratio
        FROM reference.accelerator f CROSS JOIN reference.accelerator t
        WHERE is_other_card AND f.accelerator_id = from_accelerator_id AND t.accelerator_id = to_accelerator_id
        UNION ALL SELECT 1, 1
        WHERE NOT is_other_card),
    here AS (SELECT k.*, n.*, k.is_work_known AND NOT n.is_standing AS is_scaled FROM known k CROSS JOIN number n),
    -- From its requests follows how many GPUs a fleet needs elsewhere. A fleet given by its GPUs keeps its capacity: it
    -- needs as many times more GPUs as a word takes longer; at another utilisation only if its own is stated. If not
    -- even the GPUs are known, the result is unknown.
    there AS (
        SELECT h.*, c.card_power_ratio,
            CASE WHEN h.is_scaled THEN h.busy_hours ELSE h.gpus * 24 END * c.time_ratio AS busy_there,
            CASE WHEN h.is_scaled
                    THEN rounded(h.busy_hours * c.time_ratio / 24 * h.peak_to_mean / coalesce(of_utilization, h.used),
                        'up')
                ELSE rounded(h.gpus * c.time_ratio * coalesce(h.stated_use / of_utilization, 1), 'up') END AS gpus_there
        FROM here h CROSS JOIN card c
        WHERE h.is_scaled
            OR (h.gpus IS NOT NULL AND (is_other_card OR of_utilization IS NOT NULL)
                AND (of_utilization IS NULL OR h.stated_use IS NOT NULL))),
    housed AS (
        SELECT t.*,
            rounded(t.gpus_there / coalesce(t.gpus_per_server, t.gpus / t.servers), s.server_rounding) AS servers_there,
            s.rack_rounding
        FROM there t CROSS JOIN stated s),
    racked AS (
        SELECT u.*,
            rounded(u.servers_there / coalesce(u.servers_per_rack, u.servers / u.racks), u.rack_rounding) AS racks_there
        FROM housed u),
    drawn AS (
        SELECT r.busy_there, r.gpus_there,
            coalesce(coalesce(r.racks_there * r.kw_per_rack, r.servers_there * r.kw_per_server)
                * coalesce(r.power_ratio, 1), r.gpus_there * coalesce(r.power_w, r.tdp_w * r.power_share) / 1000)
                * r.card_power_ratio AS kw_there
        FROM racked r)
    -- If servers or racks are stated but not the GPUs that they hold, the fleet is treated as one machine.
    SELECT 'from' AS side, CASE WHEN h.is_scaled THEN h.busy_hours ELSE coalesce(h.gpus, 1) * 24 END AS busy_hours,
        coalesce(h.gpus, 1) * 24 AS stood_hours, h.power_kw * 24 AS it_energy_kwh
    FROM here h
    UNION ALL SELECT 'to', coalesce(h.gpus, 1) * 24, coalesce(h.gpus, 1) * 24, h.power_kw * 24
    FROM here h WHERE NOT h.is_scaled AND NOT is_other_card AND of_utilization IS NULL
    UNION ALL SELECT 'to', d.busy_there, d.gpus_there * 24, d.kw_there * 24
    FROM drawn d;
COMMENT ON MACRO TABLE _fleet_on IS
    'GPU-hours a day of a fleet that work (busy) and that are there (stood), and the energy of its servers, as in its '
    'estimate (from) and on another card or at another use (to), for why_moved; a fleet whose GPUs are stated keeps '
    'what it can do; no row to where they are not known, or at another use where its own is not stated.';
