SELECT o.*, counts_until(o.valid_to, o.confirmed_at, o.is_bundled) AS counts_to, source_rank(o.source_id) AS source_rank
FROM (
    SELECT r.*, coalesce(r.valid_from, r.observed_at) AS counts_from,
        CASE WHEN r.is_bundled THEN coalesce(r.valid_from, r.observed_at) ELSE greatest(r.observed_at, c.confirmed_at) END AS confirmed_at
    FROM {rates} r
    LEFT JOIN (
        SELECT s.source_id, s.scope, max(s.observed_at) AS confirmed_at FROM meta.snapshot s
        WHERE s.subject = 'cloud_rate' AND s.is_complete AND s.recorded_at <= {known_at} GROUP BY ALL) c
    ON c.source_id = r.source_id AND c.scope = r.scope
    -- The whole instance; no quantiles of a market beside its median, no slices of a card, nothing billed by the request.
    WHERE r.price_component = 'instance' AND coalesce(r.accelerator_count, 1) >= 1 AND r.price_usd_per_hour > 0
      AND r.offer_variant NOT IN ('market_min', 'market_p10', 'market_p90', 'serverless')) o
