-- Priced offers of whole instances with a known accelerator, once per offer and time: the source that saw it last speaks.
CREATE OR REPLACE TEMP TABLE offer AS
SELECT accelerator_id, provider, region, instance_type, purchase_option, offer_variant, price_usd_per_gpu_hour,
       price_usd_per_hour, accelerator_count, valid_from, valid_to, observed_at, source_id, capture_id, is_bundled,
       coalesce(valid_from, observed_at) AS from_at, coalesce(valid_to, 'infinity'::TIMESTAMPTZ) AS to_at
FROM observed.cloud_rate
WHERE accelerator_id IS NOT NULL AND price_component = 'instance' AND price_usd_per_gpu_hour > 0;

-- In force at the date of the report.
CREATE OR REPLACE TEMP TABLE offer_now AS
SELECT * FROM offer
WHERE from_at <= getvariable('report_at') AND to_at > getvariable('report_at')
QUALIFY row_number() OVER (
    PARTITION BY provider, region, instance_type, purchase_option, offer_variant ORDER BY observed_at DESC, source_id) = 1;

-- The latest yearly average of each zone: lifecycle, location-based, actual.
CREATE OR REPLACE TEMP TABLE grid_now AS
SELECT zone, intensity_gco2e_per_kwh, year(valid_from) AS year, source_id, capture_id, is_bundled
FROM observed.grid_carbon
WHERE resolution = 'P1Y' AND basis_method = 'average' AND basis_boundary = 'lifecycle' AND basis_accounting = 'location'
  AND basis_kind = 'actual' AND valid_from <= getvariable('report_at')
QUALIFY row_number() OVER (PARTITION BY zone ORDER BY valid_from DESC, observed_at DESC, source_id) = 1;
