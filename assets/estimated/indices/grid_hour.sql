-- Grid carbon by hour: plain means of the slots, never weighted by load, each source and basis by itself.
-- The hour is cut from microseconds since 1970 and not by AT TIME ZONE, which takes ten times as long and does the same
-- in UTC.
SELECT zone, source_id, basis_method, basis_boundary, basis_accounting, basis_kind, resolution,
    hour_start AT TIME ZONE 'UTC' AS hour_from,
    plain_mean_gco2e_per_kwh, lowest_gco2e_per_kwh, highest_gco2e_per_kwh, slot_count,
    least(1, covered_us / 3600e6) AS covered_share, is_bundled
FROM (
    SELECT zone, source_id, basis_method, basis_boundary, basis_accounting, basis_kind, resolution,
        date_trunc('hour', make_timestamp(epoch_us(valid_from))) AS hour_start,
        avg(intensity_gco2e_per_kwh) AS plain_mean_gco2e_per_kwh, min(intensity_gco2e_per_kwh) AS lowest_gco2e_per_kwh,
        max(intensity_gco2e_per_kwh) AS highest_gco2e_per_kwh, count(*) AS slot_count,
        sum(epoch_us(valid_to) - epoch_us(valid_from)) AS covered_us, bool_or(is_bundled) AS is_bundled
    FROM {source}
    WHERE {fitting}
    GROUP BY ALL)
