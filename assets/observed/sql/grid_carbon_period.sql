-- Grid carbon by {period}: plain means of the slots, never weighted by load, each source and basis by itself.
SELECT zone, source_id, basis_method, basis_boundary, basis_accounting, basis_kind, resolution,
    date_trunc('{period}', valid_from AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS {period}_from,
    avg(intensity_gco2e_per_kwh) AS plain_mean_gco2e_per_kwh, min(intensity_gco2e_per_kwh) AS lowest_gco2e_per_kwh,
    max(intensity_gco2e_per_kwh) AS highest_gco2e_per_kwh, count(*) AS slot_count,
    least(1, sum(epoch(valid_to) - epoch(valid_from)) / (epoch(any_value(date_trunc('{period}', valid_from AT TIME ZONE 'UTC') + INTERVAL 1 {period}))
        - epoch(any_value(date_trunc('{period}', valid_from AT TIME ZONE 'UTC'))))) AS covered_share, bool_or(is_bundled) AS is_bundled
FROM {slots}
WHERE resolution IN ({resolutions})
GROUP BY ALL
