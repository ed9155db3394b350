-- What a million tokens of a model cost.
CREATE OR REPLACE MACRO token_price_of(model_name, valid_at := now(), known_at := TIMESTAMPTZ 'infinity') AS TABLE
    SELECT t.vendor_id AS vendor, t.model, t.direction, t.price_usd_per_mtok, t.service_tier, t.context_tier_from_tokens, t.time_window, t.region, t.valid_from,
        t.source_id, t.capture_id, t.is_bundled
    FROM token_price_as_of(valid_at::TIMESTAMPTZ, known_at := known_at::TIMESTAMPTZ) t
    WHERE model_listing(t.model) = model_listing(model_name)
    QUALIFY row_number() OVER (
        PARTITION BY t.vendor_id, model_listing(t.model), t.direction, t.service_tier, t.context_tier_from_tokens, t.time_window, t.region
        ORDER BY t.source_id <> t.vendor, source_rank(t.source_id), t.source_id, t.scope) = 1
    ORDER BY t.vendor_id, t.model, t.service_tier, t.direction, t.context_tier_from_tokens, t.time_window, t.region;
COMMENT ON MACRO TABLE token_price_of IS 'USD per million tokens of a model at valid_at by vendor, direction and tier, one source for each price (lowest source_rank); the name is found however it is spelled. token_price_of(''gpt-4o''), token_price_of(''gpt-4'', valid_at := DATE ''2024-07-01'').';
