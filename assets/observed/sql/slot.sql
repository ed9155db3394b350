-- Without a calendar: AT TIME ZONE takes up to a microsecond a row, and this a hundredth of it (DuckDB 1.5, measured).
CREATE OR REPLACE MACRO _utc(instant) AS make_timestamp(epoch_us(instant));
COMMENT ON MACRO _utc IS
    'An instant as date and time of UTC, whatever the time zone of the session; NULL for an infinite one.';
CREATE OR REPLACE MACRO utc_day(instant) AS _utc(instant)::DATE;
COMMENT ON MACRO utc_day IS 'Day (UTC) of an instant, whatever the time zone of the session.';
CREATE OR REPLACE MACRO slot_length(resolution) AS
    CASE resolution
        WHEN 'PT5M' THEN INTERVAL 5 MINUTE WHEN 'PT15M' THEN INTERVAL 15 MINUTE
        WHEN 'PT30M' THEN INTERVAL 30 MINUTE WHEN 'PT1H' THEN INTERVAL 1 HOUR
        WHEN 'P1D' THEN INTERVAL 1 DAY WHEN 'P1M' THEN INTERVAL 1 MONTH
        WHEN 'P1Y' THEN INTERVAL 1 YEAR END;
COMMENT ON MACRO slot_length IS 'Length of a slot as an interval, from its ISO 8601 name.';
CREATE OR REPLACE MACRO resolution_rank(resolution) AS
    list_position(['PT5M', 'PT15M', 'PT30M', 'PT1H', 'P1D', 'P1M', 'P1Y'], resolution);
COMMENT ON MACRO resolution_rank IS '1; rank of a length of slots, by its ISO 8601 name: the finest is 1.';
CREATE OR REPLACE MACRO is_hourly(resolution) AS resolution IN ('PT5M', 'PT15M', 'PT30M', 'PT1H');
COMMENT ON MACRO is_hourly IS 'Whether slots are of an hour or less, by the ISO 8601 name of their length.';
-- Not NOT IN, which would be a join: these comparisons skip row groups in the scan.
CREATE OR REPLACE MACRO _is_longer_than_hourly(resolution) AS
    resolution <> 'PT5M' AND resolution <> 'PT15M' AND resolution <> 'PT30M' AND resolution <> 'PT1H';
COMMENT ON MACRO _is_longer_than_hourly IS
    'Whether slots are of more than an hour, by the ISO 8601 name of their length.';
-- In UTC, whatever the time zone of the session: in a zone with summer time a day, month or year may have an hour more
-- or less.
CREATE OR REPLACE MACRO slot_end(valid_from, resolution) AS
    make_timestamptz(epoch_us(_utc(valid_from) + slot_length(resolution)));
COMMENT ON MACRO slot_end IS 'End of a slot (exclusive), from its start and the ISO 8601 name of its length, in UTC.';
