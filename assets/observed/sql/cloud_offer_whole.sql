-- The whole instance; no quantiles of a market beside its median, no slices of a card, nothing billed by the request.
SELECT r.*, coalesce(r.valid_from, r.observed_at) AS counts_from
FROM {rates} r
WHERE r.price_component = 'instance' AND coalesce(r.accelerator_count, 1) >= 1 AND r.price_usd_per_hour > 0
  AND r.offer_variant NOT IN ('market_min', 'market_p10', 'market_p90', 'serverless')
