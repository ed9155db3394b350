-- What a GPU-hour costs, offer by offer.
CREATE OR REPLACE MACRO gpu_hour_price(accelerator, valid_at := now(), known_at := TIMESTAMPTZ 'infinity', purchase := NULL) AS TABLE
    SELECT o.price_usd_per_gpu_hour, o.provider, o.region, o.instance_type, o.purchase_option, o.offer_variant, o.accelerator_id, o.accelerator_count,
        o.price_amount_per_hour, o.currency_code, o.counts_from AS valid_from, o.confirmed_at, o.stands_to, o.source_id, o.capture_id, o.is_bundled
    FROM (
        SELECT c.*, first_value(c.source_id) OVER (PARTITION BY c.provider, c.accelerator_id, c.purchase_option
            ORDER BY c.source_rank, c.source_offer_count DESC, c.source_id) AS speaking_source_id
        FROM (
            SELECT k.*, count(*) OVER (PARTITION BY k.provider, k.accelerator_id, k.purchase_option, k.source_id) AS source_offer_count
            FROM cloud_offer_known(known_at := known_at::TIMESTAMPTZ) k
            WHERE k.accelerator_id IN (SELECT i.accelerator_id FROM accelerator_ids(accelerator) i)
              AND k.counts_from <= valid_at::TIMESTAMPTZ AND k.stands_to > valid_at::TIMESTAMPTZ AND k.price_usd_per_gpu_hour > 0
              AND (purchase IS NULL OR k.purchase_option = purchase)) c) o
    WHERE o.source_id = o.speaking_source_id
    ORDER BY o.price_usd_per_gpu_hour, o.provider, o.region, o.instance_type;
COMMENT ON MACRO TABLE gpu_hour_price IS 'USD per GPU-hour of every offer of an accelerator at valid_at, as known at known_at, cheapest first; one source per provider. gpu_hour_price(''H100''), gpu_hour_price(''A100'', valid_at := DATE ''2024-01-01'', purchase := ''spot'').';

CREATE OR REPLACE MACRO cheapest(accelerator, valid_at := now(), known_at := TIMESTAMPTZ 'infinity', purchase := NULL, n := 10) AS TABLE
    SELECT p.price_usd_per_gpu_hour, p.provider, p.region, p.instance_type, p.purchase_option, p.accelerator_id, p.accelerator_count, p.confirmed_at,
        p.source_id, p.is_bundled
    FROM gpu_hour_price(accelerator, valid_at := valid_at, known_at := known_at, purchase := purchase) p
    QUALIFY row_number() OVER (PARTITION BY p.provider, p.purchase_option ORDER BY p.price_usd_per_gpu_hour, p.region, p.instance_type) = 1
    ORDER BY p.price_usd_per_gpu_hour, p.provider LIMIT n;
COMMENT ON MACRO TABLE cheapest IS 'The cheapest offer of each provider and purchase option for an accelerator, the n cheapest of them. cheapest(''H100''), cheapest(''H100'', purchase := ''on_demand'', n := 3).';
