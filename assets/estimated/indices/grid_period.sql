-- Grid carbon by {period}: plain means of the slots, never weighted by load, each source and basis by itself. From sums
-- by day, so that no slot is read.
SELECT zone, source_id, basis_method, basis_boundary, basis_accounting, basis_kind, resolution,
    period_start AT TIME ZONE 'UTC' AS {period}_from,
    plain_mean_gco2e_per_kwh, lowest_gco2e_per_kwh, highest_gco2e_per_kwh, slot_count,
    least(1, covered_hours * 3600e6 / (epoch_us(period_start + INTERVAL 1 {period}) - epoch_us(period_start)))
        AS covered_share,
    is_bundled
FROM (
    SELECT zone, source_id, basis_method, basis_boundary, basis_accounting, basis_kind, resolution,
        date_trunc('{period}', day_on::TIMESTAMP) AS period_start,
        sum(intensity_sum_gco2e_per_kwh) / sum(slot_count) AS plain_mean_gco2e_per_kwh,
        min(lowest_gco2e_per_kwh) AS lowest_gco2e_per_kwh,
        max(highest_gco2e_per_kwh) AS highest_gco2e_per_kwh, sum(slot_count)::BIGINT AS slot_count,
        sum(covered_hours) AS covered_hours, bool_or(is_bundled) AS is_bundled
    FROM {source}
    WHERE {fitting}
    GROUP BY ALL)
