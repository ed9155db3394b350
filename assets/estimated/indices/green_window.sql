-- estimated.green_window, method green-window-3: the trials of estimated.green_trial (the rule stands there), of each
-- series and plan those of the last 365 days. Every trial counts once; sums in whole millionths of a gram, as there.
WITH latest AS (
    SELECT t.*, max(asked_on) OVER (PARTITION BY zone, source_id, basis_boundary) AS newest_on
    FROM estimated.green_trial t WHERE method_version = $method_version),
total AS (
    SELECT zone, source_id, basis_boundary, job_hours, horizon_hours, min(asked_on) AS first_on,
        max(asked_on) AS last_on, sum(trial_count)::BIGINT AS trial_count,
        sum(round(now_gco2e_per_kwh * trial_count * 1e6)::BIGINT) / 1e6 AS at_once,
        sum(round(advised_gco2e_per_kwh * trial_count * 1e6)::BIGINT) / 1e6 AS advised,
        sum(round(perfect_gco2e_per_kwh * trial_count * 1e6)::BIGINT) / 1e6 AS perfect,
        sum(not_worse_count)::BIGINT AS not_worse_count
    FROM latest WHERE asked_on > newest_on - 365 GROUP BY ALL)
SELECT t.zone, t.source_id, t.basis_boundary, t.job_hours, t.horizon_hours, $method_version AS method_version,
    t.first_on, t.last_on, t.trial_count,
    t.at_once / t.trial_count AS now_gco2e_per_kwh, t.advised / t.trial_count AS advised_gco2e_per_kwh,
    t.perfect / t.trial_count AS perfect_gco2e_per_kwh,
    1 - t.advised / nullif(t.at_once, 0) AS saving_share, 1 - t.perfect / nullif(t.at_once, 0) AS perfect_saving_share,
    (t.at_once - t.advised) / nullif(t.at_once - t.perfect, 0) AS reached_share,
    t.not_worse_count / t.trial_count AS not_worse_share, s.is_bundled
FROM total t LEFT JOIN meta.source s ON s.source_id = t.source_id
ORDER BY ALL
