-- What waiting for a greener hour would have saved on the history of each grid that is observed by the hour.
SELECT zone, basis_boundary, job_hours, horizon_hours, first_on, last_on, now_gco2e_per_kwh, advised_gco2e_per_kwh,
    perfect_gco2e_per_kwh, saving_share, perfect_saving_share, not_worse_share, trial_count, source_id, method_version,
    is_bundled
FROM estimated.green_window
QUALIFY row_number() OVER (PARTITION BY zone, basis_boundary, job_hours, horizon_hours
    ORDER BY method_version DESC, source_rank(source_id), last_on DESC, source_id) = 1
ORDER BY zone, basis_boundary DESC, job_hours
