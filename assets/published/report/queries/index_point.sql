-- The price of a GPU-hour at each month's end by the index (matched offers), with the spread of the offers in force
-- around it.
SELECT r.accelerator_id, r.month_on, i.index_usd_per_gpu_hour AS price_central,
    i.index_usd_per_gpu_hour * r.price_low / r.price_central AS price_low,
    i.index_usd_per_gpu_hour * r.price_high / r.price_central AS price_high, r.offers, r.providers, r.is_bundled,
    r.capture_ids
FROM ($rate_history) r
ASOF JOIN (
    SELECT *
    FROM estimated.price_index WHERE purchase_option = 'on_demand'
    QUALIFY chain_number = max(chain_number) OVER (PARTITION BY accelerator_id)) i
    ON i.accelerator_id = r.accelerator_id AND r.month_on >= i.index_on
ORDER BY r.accelerator_id, r.month_on
