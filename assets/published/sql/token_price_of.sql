-- What a million tokens of a model cost, and how far the sources are apart.
CREATE OR REPLACE MACRO token_price_of(model_name, valid_at := TIMESTAMPTZ '-infinity',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (SELECT _asked_instant(valid_at) AS asked_at),
    named AS (SELECT l.* FROM _listing_meant(_asked_sold_model('model_name', model_name)) l),
    listed AS (
        SELECT k.*, w.is_spelled,
            lead(k.price_usd_per_mtok) OVER (PARTITION BY k.source_id, k.scope, k.vendor, k.model, k.direction,
                k.service_tier, k.context_tier_from_tokens, k.time_window, k.region
                ORDER BY k.valid_from NULLS FIRST) AS later_usd_per_mtok,
            lag(k.price_usd_per_mtok) OVER (PARTITION BY k.source_id, k.scope, k.vendor, k.model, k.direction,
                k.service_tier, k.context_tier_from_tokens, k.time_window, k.region
                ORDER BY k.valid_from NULLS FIRST) AS earlier_usd_per_mtok
        FROM token_price_known(known_at := _instant(known_at)) k
        JOIN named w ON w.named_model = k.model),
    -- Of a vendor that sells the name as it is spelled, no other; of one that sells dated names only, each of them: their
    -- prices may differ.
    sold AS (
        SELECT l.* FROM listed l CROSS JOIN asked q
        WHERE coalesce(l.valid_from <= q.asked_at, true) AND coalesce(l.valid_to > q.asked_at, true)
        QUALIFY l.is_spelled OR NOT bool_or(l.is_spelled) OVER (PARTITION BY l.vendor_id, l.service_tier)),
    in_force AS (
        SELECT t.*, list({'source_id': t.source_id, 'price': t.price_usd_per_mtok}) OVER thing AS said,
            min(t.price_usd_per_mtok) OVER thing AS low_usd_per_mtok,
            max(t.price_usd_per_mtok) OVER thing AS high_usd_per_mtok
        FROM sold t
        WINDOW thing AS (PARTITION BY t.vendor_id, model_listing(t.model), t.direction, t.service_tier,
            t.context_tier_from_tokens, t.time_window, t.region)),
    judged AS (
        SELECT f.*, is_outvoted(f.price_usd_per_mtok, f.later_usd_per_mtok, f.said)
            OR is_behind(f.price_usd_per_mtok, f.earlier_usd_per_mtok, f.said) AS is_doubted
        FROM in_force f)
    SELECT s.vendor_id AS vendor, s.model, s.direction, s.price_usd_per_mtok, s.low_usd_per_mtok, s.high_usd_per_mtok,
        string_agg(CASE WHEN s.is_doubted THEN s.source_id END, ', ') OVER (PARTITION BY s.vendor_id,
            model_listing(s.model), s.direction, s.service_tier, s.context_tier_from_tokens, s.time_window, s.region
            ORDER BY s.source_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS outvoted_source_ids,
        s.service_tier, s.context_tier_from_tokens, s.time_window, s.region, s.valid_from, s.source_id, s.capture_id,
        s.is_bundled
    FROM judged s
    QUALIFY row_number() OVER (PARTITION BY s.vendor_id, model_listing(s.model), s.direction, s.service_tier,
        s.context_tier_from_tokens, s.time_window, s.region
        ORDER BY s.source_id <> s.vendor, s.is_doubted,
        source_rank(s.source_id), s.source_id, s.scope, s.vendor, s.model) = 1
    ORDER BY s.vendor_id, s.model, s.service_tier, s.direction, s.context_tier_from_tokens, s.time_window, s.region;
COMMENT ON MACRO TABLE token_price_of IS
    'USD per million tokens of a model at valid_at by vendor, direction and tier, one source for each price (the '
    'seller itself, else the lowest source_rank that is neither outvoted nor behind two others that agree), with the '
    'lowest and highest price of any source and those that are not believed (outvoted_source_ids); '
    'spelling variants of the name are found, and, of a vendor that does not sell it under that name, those with the '
    'day of a snapshot or another name of the same model, each on its own. token_price_of(''gpt-4o''), '
    'token_price_of(''gpt-4'', valid_at := DATE ''2024-07-01'').';
