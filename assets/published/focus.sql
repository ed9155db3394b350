-- Costs in the shape of FOCUS 1.0 (FinOps Open Cost and Usage Specification), so that they load beside a bill. Nothing
-- was billed: list prices are one hour of each offer in force, estimates one training. Columns that FOCUS does not know
-- begin with x_.
WITH published AS (SELECT max(published_at) AS moment FROM meta.publication),
rate AS (
    SELECT r.price_usd_per_hour AS cost, r.provider, r.region, r.instance_type, r.purchase_option, r.accelerator_id,
        r.accelerator_count, coalesce(r.valid_from, r.observed_at) AS from_at, r.source_id, r.capture_id, r.is_bundled,
        p.moment, r.offer_variant, r.scope
    FROM observed.cloud_rate r CROSS JOIN published p
    WHERE r.price_component = 'instance' AND r.price_usd_per_hour IS NOT NULL
        AND coalesce(r.valid_from, r.observed_at) <= p.moment AND coalesce(r.valid_to, 'infinity') > p.moment
), training AS (
    SELECT scenario_id, method_version, any_value(as_of_at) AS as_of_at, bool_or(is_bundled) AS is_bundled,
        any_value(low) FILTER (quantity = 'cost_usd') AS low,
        any_value(central) FILTER (quantity = 'cost_usd') AS central,
        any_value(high) FILTER (quantity = 'cost_usd') AS high,
        any_value(central) FILTER (quantity = 'gpu_hours') AS gpu_hours,
        any_value(central) FILTER (quantity = 'energy_kwh') AS energy_kwh,
        any_value(low) FILTER (quantity = 'operational_kgco2e') AS carbon_low,
        any_value(central) FILTER (quantity = 'operational_kgco2e') AS carbon_central,
        any_value(high) FILTER (quantity = 'operational_kgco2e') AS carbon_high
    FROM estimated.training_estimate GROUP BY ALL
)
SELECT cost AS "BilledCost", 'petaday' AS "BillingAccountId", 'USD' AS "BillingCurrency",
    date_trunc('month', moment) AS "BillingPeriodStart",
    date_trunc('month', moment) + INTERVAL 1 MONTH AS "BillingPeriodEnd",
    CASE WHEN purchase_option LIKE 'reserved%' OR purchase_option = 'capacity_block' THEN 'Purchase'
        ELSE 'Usage' END AS "ChargeCategory",
    'One hour at the list price: ' || concat_ws(' ', provider, region, instance_type,
        purchase_option) AS "ChargeDescription",
    'Usage-Based' AS "ChargeFrequency", date_trunc('hour', moment) AS "ChargePeriodStart",
    date_trunc('hour', moment) + INTERVAL 1 HOUR AS "ChargePeriodEnd", 1.0::DOUBLE AS "ConsumedQuantity",
    'Hours' AS "ConsumedUnit", cost AS "ContractedCost", cost AS "EffectiveCost", cost AS "ListCost",
    cost AS "ListUnitPrice", provider AS "InvoiceIssuerName", provider AS "ProviderName", provider AS "PublisherName",
    CASE purchase_option WHEN 'on_demand' THEN 'Standard'
        WHEN 'spot' THEN 'Dynamic'
        ELSE 'Committed' END AS "PricingCategory",
    1.0::DOUBLE AS "PricingQuantity", 'Hours' AS "PricingUnit", region AS "RegionId", 'Compute' AS "ServiceCategory",
    'GPU instances' AS "ServiceName", instance_type AS "SkuId",
    concat_ws('/', source_id, scope, provider, region, instance_type, purchase_option,
        nullif(offer_variant, '')) AS "SkuPriceId",
    'list_price' AS "x_Kind", accelerator_id AS "x_AcceleratorId", accelerator_count AS "x_AcceleratorCount",
    from_at AS "x_PriceSince", NULL::VARCHAR AS "x_ScenarioId", NULL::VARCHAR AS "x_MethodVersion",
    NULL::DOUBLE AS "x_CostLow", NULL::DOUBLE AS "x_CostHigh", NULL::DOUBLE AS "x_GpuHours",
    NULL::DOUBLE AS "x_EnergyKwh", NULL::DOUBLE AS "x_OperationalKgCo2eLow", NULL::DOUBLE AS "x_OperationalKgCo2e",
    NULL::DOUBLE AS "x_OperationalKgCo2eHigh", source_id AS "x_SourceId", capture_id AS "x_CaptureId",
    is_bundled AS "x_IsBundled"
FROM rate
UNION ALL BY NAME
SELECT central AS "BilledCost", 'petaday' AS "BillingAccountId", 'USD' AS "BillingCurrency",
    date_trunc('month', as_of_at) AS "BillingPeriodStart",
    date_trunc('month', as_of_at) + INTERVAL 1 MONTH AS "BillingPeriodEnd", 'Usage' AS "ChargeCategory",
    'Estimate of one training: ' || scenario_id AS "ChargeDescription", 'One-Time' AS "ChargeFrequency",
    date_trunc('day', as_of_at) AS "ChargePeriodStart",
    date_trunc('day', as_of_at) + INTERVAL 1 DAY AS "ChargePeriodEnd", gpu_hours AS "ConsumedQuantity",
    'GPU-Hours' AS "ConsumedUnit", central AS "ContractedCost", central AS "EffectiveCost", central AS "ListCost",
    central / nullif(gpu_hours, 0) AS "ListUnitPrice", 'Petaday' AS "InvoiceIssuerName", 'Petaday' AS "ProviderName",
    'Petaday' AS "PublisherName", 'Standard' AS "PricingCategory", gpu_hours AS "PricingQuantity",
    'GPU-Hours' AS "PricingUnit", 'AI and Machine Learning' AS "ServiceCategory", 'Training' AS "ServiceName",
    scenario_id AS "SkuId", 'estimate' AS "x_Kind", scenario_id AS "x_ScenarioId", method_version AS "x_MethodVersion",
    low AS "x_CostLow", high AS "x_CostHigh", gpu_hours AS "x_GpuHours", energy_kwh AS "x_EnergyKwh",
    carbon_low AS "x_OperationalKgCo2eLow", carbon_central AS "x_OperationalKgCo2e",
    carbon_high AS "x_OperationalKgCo2eHigh", is_bundled AS "x_IsBundled"
FROM training WHERE central IS NOT NULL
