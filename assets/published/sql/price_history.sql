-- The price index over time, and single prices that changed.
CREATE OR REPLACE MACRO price_history(accelerator, purchase := 'on_demand', known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (SELECT _asked_purchase('purchase', purchase) AS asked_purchase),
    wanted AS (SELECT i.accelerator_id FROM _asked_accelerators('accelerator', accelerator) i)
    SELECT p.index_on, p.accelerator_id, p.purchase_option, p.median_usd_per_gpu_hour,
        p.lower_quartile_usd_per_gpu_hour, p.upper_quartile_usd_per_gpu_hour, p.low_usd_per_gpu_hour,
        p.high_usd_per_gpu_hour, p.cheapest_usd_per_gpu_hour, p.index_usd_per_gpu_hour, p.index_points, p.chain_number,
        p.offer_count, p.provider_count, p.median_usd_per_pflop_day, p.is_bundled, p.method_version
    FROM price_index_known(known_at := _instant(known_at)) p CROSS JOIN asked q
    WHERE p.accelerator_id IN (SELECT w.accelerator_id FROM wanted w)
        AND (q.asked_purchase IS NULL OR p.purchase_option = q.asked_purchase)
    ORDER BY p.accelerator_id, p.purchase_option, p.index_on;
COMMENT ON MACRO TABLE price_history IS
    'USD per GPU-hour by day: median, quartiles, p5 and p95 over providers, cheapest, and the index on matched pairs. '
    'price_history(''H100''), price_history(''A100'', purchase := ''spot''); purchase := NULL for all; known_at for '
    'what this warehouse knew then.';

CREATE OR REPLACE MACRO changes_since(since, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (SELECT _instant(since) AS asked_since)
    SELECT c.changed_at, c.subject, c.seller, c.item, c.variant, c.region, c.accelerator_id, c.old_price, c.new_price,
        c.currency_code, c.price_unit, c.change_percent, c.source_id, c.capture_id, c.is_bundled
    FROM price_change_known(known_at := _instant(known_at)) c CROSS JOIN asked q
    WHERE c.changed_at >= q.asked_since OR c.observed_at >= q.asked_since AND NOT c.is_bundled
    ORDER BY c.changed_at DESC, c.subject, c.seller, c.item, c.variant, c.region;
COMMENT ON MACRO TABLE changes_since IS
    'Prices that changed since a day, or were seen to have changed since then, newest first: changes_since(DATE '
    '''2026-07-01''), changes_since(now() - INTERVAL 7 DAY).';
