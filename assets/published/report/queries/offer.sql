-- When a complete answer of a source last confirmed what it says: the log has a row only where something changed.
CREATE OR REPLACE TEMP TABLE seen AS
SELECT source_id, scope, subject, max(observed_at) AS seen_at FROM meta.snapshot
WHERE is_complete AND observed_at <= getvariable('report_at') GROUP BY ALL;

-- Offers that count (observed.cloud_offer), with a known accelerator.
CREATE OR REPLACE TEMP TABLE offer AS
SELECT accelerator_id, provider, region, instance_type, purchase_option, offer_variant, price_usd_per_gpu_hour,
       price_usd_per_hour, accelerator_count, valid_from, valid_to, observed_at, source_id, scope, source_rank, capture_id, is_bundled,
       counts_from AS from_at, coalesce(stands_to, 'infinity'::TIMESTAMPTZ) AS to_at, coalesce(confirmed_at, observed_at) AS seen_at
FROM observed.cloud_offer
WHERE accelerator_id IS NOT NULL AND price_usd_per_gpu_hour > 0;

-- In force at the date of the report; where several sources speak of a provider's accelerator, the best ranked one does.
CREATE OR REPLACE TEMP TABLE offer_now AS
SELECT * FROM offer
WHERE from_at <= getvariable('report_at') AND to_at > getvariable('report_at')
QUALIFY source_id = first(source_id) OVER (PARTITION BY provider, accelerator_id, purchase_option ORDER BY source_rank, source_id);

-- The latest yearly average of each zone by boundary: location-based, actual.
CREATE OR REPLACE TEMP TABLE grid_by_boundary AS
SELECT zone, basis_boundary, intensity_gco2e_per_kwh, year(valid_from) AS year, source_id, capture_id, is_bundled
FROM observed.grid_carbon
WHERE resolution = 'P1Y' AND basis_method = 'average' AND basis_accounting = 'location' AND basis_kind = 'actual'
  AND valid_from <= getvariable('report_at')
QUALIFY row_number() OVER (PARTITION BY zone, basis_boundary ORDER BY valid_from DESC, observed_at DESC, source_id) = 1;

-- What maps and tables compare: lifecycle, which most zones have.
CREATE OR REPLACE TEMP TABLE grid_now AS
SELECT * EXCLUDE (basis_boundary) FROM grid_by_boundary WHERE basis_boundary = 'lifecycle';
