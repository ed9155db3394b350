-- Factors of petadays on an accelerator at two dates, as petaday_history has them; split by why_moved. offers as in
-- _moved_scenario.
CREATE OR REPLACE MACRO _moved_petaday(estimate, offers, from_at, to_at := TIMESTAMPTZ '-infinity',
        to_accelerator := NULL, utilization_to := NULL) AS TABLE
    WITH job AS (
        SELECT h.accelerator_id, h.purchase_option, max_by(h.gpu_hours, h.index_on) AS gpu_hours,
            max_by(h.energy_kwh, h.index_on) AS energy_kwh, _newest_method(h.method_version) AS method_version
        FROM estimated.petaday_history h
        WHERE estimate = concat_ws('/', h.scenario_id, h.accelerator_id, h.purchase_option) GROUP BY ALL),
    side AS (
        SELECT 'from' AS side, (_instant(from_at) AT TIME ZONE 'UTC')::DATE AS index_on,
            j.accelerator_id AS want_accelerator, j.*
        FROM job j
        UNION ALL
        SELECT 'to', (_asked_instant(to_at) AT TIME ZONE 'UTC')::DATE, coalesce(to_accelerator, j.accelerator_id), j.*
        FROM job j),
    -- As in the price index: the offers of one source for a provider (is_spoken), and their median as its price.
    offered AS (
        SELECT s.side, o.provider, o.region, o.instance_type, o.offer_variant, o.source_id, o.scope, o.valid_from,
            o.source_rank, o.currency_code, o.price_usd_per_gpu_hour AS usd,
            o.price_amount_per_hour / o.accelerator_count AS amount,
            offers_said(s.side, o.provider, o.source_id) AS said_count
        FROM side s
        JOIN query_table(offers) o ON o.accelerator_id = s.want_accelerator
            AND o.purchase_option = s.purchase_option AND o.price_usd_per_gpu_hour > 0
            AND (o.counts_from AT TIME ZONE 'UTC')::DATE <= s.index_on
            AND (o.counts_to AT TIME ZONE 'UTC')::DATE > s.index_on),
    offer AS (
        SELECT o.* FROM offered o QUALIFY is_spoken(o.side, o.provider, o.source_rank, o.said_count, o.source_id)),
    priced AS (FROM _rates_at_old_exchange('offer', from_at)),
    valued AS (
        SELECT s.side, s.index_on, s.want_accelerator, s.purchase_option,
            s.gpu_hours * u.central * f.fp16_dense_flop_per_s / a.fp16_dense_flop_per_s AS hardware,
            1 / CASE WHEN s.side = 'to' THEN coalesce(utilization_to, u.central) ELSE u.central END AS utilization,
            power_w_per_gpu(a.tdp_w, w.central) / 1000 AS power, q.central AS pue,
            CASE WHEN s.side = 'from' THEN p.usd ELSE p.usd_at_old_rate END AS price,
            CASE WHEN s.side = 'from' THEN 1.0 ELSE p.usd / p.usd_at_old_rate END AS exchange_rate,
            'no ' || s.purchase_option || ' rate of ' || s.want_accelerator || ' counts on ' || s.index_on AS no_rate
        FROM side s JOIN reference.accelerator f ON f.accelerator_id = s.accelerator_id
        LEFT JOIN reference.accelerator a ON a.accelerator_id = s.want_accelerator LEFT JOIN priced p ON p.side = s.side
        CROSS JOIN _method_band('utilization_share') u CROSS JOIN _method_band('power_share_of_tdp') w
        CROSS JOIN _method_band('pue') q),
    factor AS (
        SELECT v.side, k.quantity, q.part, q.value, CASE WHEN q.value IS NULL THEN q.reason END AS reason
        FROM valued v, (VALUES ('cost_usd', 'rental'), ('energy_kwh', 'energy')) k(quantity, kind), LATERAL (
            SELECT unnest(['hardware', 'utilization', 'power', 'pue', 'price', 'exchange_rate']) AS part,
                unnest([v.hardware, v.utilization, v.power, v.pue, v.price, v.exchange_rate]) AS value,
                unnest(['no dense 16-bit peak of ' || v.want_accelerator || ' is known', NULL,
                        'the board power of ' || v.want_accelerator || ' is not known', NULL, v.no_rate,
                        v.no_rate]) AS reason) q
        WHERE list_contains(_parts_of_move(k.kind), q.part))
    SELECT f.quantity, f.part, f.value AS value_from, t.value AS value_to, j.method_version AS from_version,
        j.method_version AS to_version, _both_reasons(f.reason, t.reason) AS reason
    FROM factor f JOIN factor t ON t.quantity = f.quantity AND t.part = f.part CROSS JOIN job j
    WHERE f.side = 'from' AND t.side = 'to';
COMMENT ON MACRO TABLE _moved_petaday IS 'Factors of petadays on an accelerator at two dates, for why_moved.';
