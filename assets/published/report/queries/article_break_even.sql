-- From which volume of tokens building or adapting a model is cheaper than paying per token, month by month.
SELECT month_on, way, model_id, accelerator_id, fixed_usd, low_fixed_usd, high_fixed_usd, own_usd_per_mtok,
    low_own_usd_per_mtok, high_own_usd_per_mtok, buy_usd_per_mtok, buy_vendor, buy_model, break_even_mtok,
    low_break_even_mtok, high_break_even_mtok, verdict, method_version, is_bundled
FROM estimated.build_adapt_buy
WHERE method_version = (SELECT _newest_method(method_version) FROM estimated.build_adapt_buy)
    AND scenario_id = 'build-adapt-buy-by-month' AND month_on <= getvariable('report_at')::DATE ORDER BY way, month_on
