-- What follows from a table computed by days has to know which of them an update changed.
CREATE TABLE IF NOT EXISTS meta.table_change (table_name VARCHAR, known_at TIMESTAMPTZ, first_on DATE);
COMMENT ON TABLE meta.table_change IS 'Every update that changed a table computed by days, since it was last computed anew: rows of earlier days stayed as they were.';
COMMENT ON COLUMN meta.table_change.table_name IS 'Table, such as estimated.price_index.';
COMMENT ON COLUMN meta.table_change.known_at IS 'Until when (recorded_at) the update had read the logs. Unit: UTC.';
COMMENT ON COLUMN meta.table_change.first_on IS 'First day of which it changed a row, UTC; that index_usd_per_gpu_hour of days before is scaled to another last day is no change.';
