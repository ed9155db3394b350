-- What a GPU-hour costs, offer by offer.
-- All offers of a provider come from one source, so that no offer is listed twice. Regions that this source does not
-- list are taken from the next source that does, if they are regions of the provider (reference.region): lists with
-- their own names of regions would otherwise add the same offers under other names.
CREATE OR REPLACE MACRO spoken_offer(valid_at := TIMESTAMPTZ '-infinity', known_at := TIMESTAMPTZ 'infinity',
        accelerator := NULL, purchase := NULL) AS TABLE
    WITH asked AS (
        SELECT _asked_instant(valid_at) AS asked_at, accelerator IS NULL AS is_any,
            _asked_purchase('purchase', purchase) AS asked_purchase),
    wanted AS (SELECT i.accelerator_id FROM _asked_accelerators('accelerator', accelerator) i),
    in_force AS (
        SELECT k.*, offers_said((k.accelerator_id, k.purchase_option), k.provider, k.source_id) AS said_count
        FROM cloud_offer_known(known_at := _instant(known_at)) k CROSS JOIN asked q
        WHERE k.accelerator_id IS NOT NULL AND k.price_usd_per_gpu_hour > 0 AND k.counts_from <= q.asked_at
            AND k.stands_to > q.asked_at AND (q.is_any OR k.accelerator_id IN (SELECT w.accelerator_id FROM wanted w))
            AND (q.asked_purchase IS NULL OR k.purchase_option = q.asked_purchase)),
    ranked AS (
        SELECT s.*,
            is_spoken((s.accelerator_id, s.purchase_option), s.provider, s.source_rank, s.said_count,
                s.source_id) AS is_of_provider,
            is_spoken((s.accelerator_id, s.purchase_option, lower(s.region)), s.provider, s.source_rank, s.said_count,
                s.source_id) AS is_of_region
        FROM in_force s),
    -- A source whose offers are 'global' covers all regions.
    spread AS (
        SELECT t.*,
            bool_or(t.is_of_provider AND t.region = 'global') OVER (PARTITION BY t.provider, t.accelerator_id,
                t.purchase_option) AS is_everywhere
        FROM ranked t)
    SELECT h.* EXCLUDE (is_of_provider, is_of_region, is_everywhere, said_count),
        h.is_of_provider AS is_of_speaking_source
    FROM spread h
    WHERE h.is_of_provider
        OR (h.is_of_region AND NOT h.is_everywhere
            AND (h.provider, lower(h.region)) IN (SELECT (r.provider, lower(r.region)) FROM reference.region r));
COMMENT ON MACRO TABLE spoken_offer IS
    'Offers in force at valid_at, as known at known_at, each once: of each provider, accelerator and purchase option '
    'those of its preferred source (is_spoken); and in regions of the provider that this source does not list, those '
    'of the next source that does (is_of_speaking_source is false). spoken_offer(valid_at := DATE ''2025-01-01'').';

CREATE OR REPLACE MACRO gpu_hour_price(accelerator, valid_at := TIMESTAMPTZ '-infinity',
        known_at := TIMESTAMPTZ 'infinity', purchase := NULL) AS TABLE
    SELECT o.price_usd_per_gpu_hour, o.provider, o.region, o.instance_type, o.purchase_option, o.offer_variant,
        o.accelerator_id, o.accelerator_count, o.price_amount_per_hour, o.currency_code, o.counts_from AS valid_from,
        o.confirmed_at, o.stands_to, o.source_id, o.capture_id, o.is_bundled
    FROM spoken_offer(valid_at := valid_at, known_at := known_at, accelerator := accelerator, purchase := purchase) o
    ORDER BY o.price_usd_per_gpu_hour, o.provider, o.region, o.instance_type;
COMMENT ON MACRO TABLE gpu_hour_price IS
    'USD per GPU-hour of every offer of an accelerator at valid_at, as known at known_at, cheapest first; one source '
    'per provider, and the next source for regions that it does not list (spoken_offer). gpu_hour_price(''H100''), '
    'gpu_hour_price(''A100'', valid_at := DATE ''2024-01-01'', purchase := ''spot'').';

CREATE OR REPLACE MACRO cheapest(accelerator, valid_at := TIMESTAMPTZ '-infinity', known_at := TIMESTAMPTZ 'infinity',
        purchase := NULL, n := 10) AS TABLE
    SELECT p.price_usd_per_gpu_hour, p.provider, p.region, p.instance_type, p.purchase_option, p.accelerator_id,
        p.accelerator_count, p.confirmed_at, p.source_id, p.is_bundled
    FROM gpu_hour_price(accelerator, valid_at := valid_at, known_at := known_at, purchase := purchase) p
    QUALIFY row_number() OVER (PARTITION BY p.provider, p.purchase_option
        ORDER BY p.price_usd_per_gpu_hour, p.region, p.instance_type) = 1
    ORDER BY p.price_usd_per_gpu_hour, p.provider LIMIT n;
COMMENT ON MACRO TABLE cheapest IS
    'The cheapest offer of each provider and purchase option for an accelerator, the n cheapest of them. '
    'cheapest(''H100''), cheapest(''H100'', purchase := ''on_demand'', n := 3).';
