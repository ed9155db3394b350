-- A fleet that answers people: from visits to GPUs, servers, racks and electricity.
CREATE OR REPLACE MACRO fleet_gpu_hours_per_day(requests_per_day, words_per_request, s_per_word) AS requests_per_day::DOUBLE * words_per_request * s_per_word / 3600;
COMMENT ON MACRO fleet_gpu_hours_per_day IS 'GPU-hour/day; one GPU a word at a time; Goldstein, December 2022, https://threadreaderapp.com/thread/1600196981955100694.html';

CREATE OR REPLACE MACRO rounded(value, rounding) AS
    CASE rounding WHEN 'up' THEN ceil(value::DOUBLE) WHEN 'nearest' THEN round(value::DOUBLE) WHEN 'down' THEN floor(value::DOUBLE) ELSE value::DOUBLE END;
COMMENT ON MACRO rounded IS '1; whole number up, nearest or down, or as it is; derived';

CREATE OR REPLACE MACRO s_per_token_scaled(s_per_token_small, parameters_count, parameters_count_small) AS
    s_per_token_small::DOUBLE * parameters_count / parameters_count_small;
COMMENT ON MACRO s_per_token_scaled IS 's/token; latency of a larger model on the same GPU, in proportion to its parameters; Goldstein, December 2022, https://threadreaderapp.com/thread/1600196981955100694.html';
