-- When a complete answer of a source last confirmed its rows: the log has a row only where something changed.
CREATE OR REPLACE TEMP TABLE seen AS
SELECT source_id, scope, subject, max(observed_at) AS seen_at FROM meta.snapshot
WHERE is_complete AND observed_at <= getvariable('report_at') GROUP BY ALL;

-- Offers that count (observed.cloud_offer), with a known accelerator.
CREATE OR REPLACE TEMP TABLE offer AS
SELECT accelerator_id, provider, region, instance_type, purchase_option, offer_variant, price_usd_per_gpu_hour,
    price_usd_per_hour, accelerator_count, valid_from, valid_to, observed_at, source_id, scope, source_rank, capture_id,
    is_bundled, counts_from AS from_at, coalesce(stands_to, 'infinity'::TIMESTAMPTZ) AS to_at,
    coalesce(confirmed_at, observed_at) AS seen_at
FROM observed.cloud_offer WHERE accelerator_id IS NOT NULL AND price_usd_per_gpu_hour > 0;

-- In force at the date of the report, each offer once.
CREATE OR REPLACE TEMP TABLE offer_now AS
SELECT accelerator_id, provider, region, instance_type, purchase_option, price_usd_per_gpu_hour, valid_from,
    observed_at, source_id, capture_id, is_bundled, coalesce(confirmed_at, observed_at) AS seen_at,
    is_of_speaking_source
FROM spoken_offer(valid_at := getvariable('report_at'));

-- The latest yearly average of each zone by boundary (location-based, actual), by the source that siting prefers too.
CREATE OR REPLACE TEMP TABLE grid_by_boundary AS
SELECT zone, basis_boundary, intensity_gco2e_per_kwh, year(valid_from) AS year, source_id, capture_id, is_bundled
FROM observed.grid_carbon
WHERE resolution = 'P1Y' AND basis_method = 'average' AND basis_accounting = 'location' AND basis_kind = 'actual'
    AND valid_from <= getvariable('report_at')
QUALIFY row_number() OVER (PARTITION BY zone, basis_boundary
    ORDER BY valid_from DESC, source_rank(source_id), observed_at DESC, source_id, scope) = 1;

-- What maps and tables compare: lifecycle, the boundary that most zones have.
CREATE OR REPLACE TEMP TABLE grid_now AS
SELECT * EXCLUDE (basis_boundary) FROM grid_by_boundary WHERE basis_boundary = 'lifecycle';
