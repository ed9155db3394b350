-- What was estimated when: the tables of estimates hold the present one, this holds each since it was first told.
CREATE TABLE IF NOT EXISTS meta.estimate_word (
    scenario_id VARCHAR, quantity VARCHAR, method_version VARCHAR, low DOUBLE, central DOUBLE, high DOUBLE, unit VARCHAR, reason VARCHAR,
    is_bundled BOOLEAN, is_estimated BOOLEAN, recorded_at TIMESTAMPTZ);
COMMENT ON TABLE meta.estimate_word IS 'Every estimate since when it is what it is: a row is added when a number changes, none is ever changed. Asked by _scenario_quantity_known.';
COMMENT ON COLUMN meta.estimate_word.scenario_id IS 'Scenario; see reference.scenario.';
COMMENT ON COLUMN meta.estimate_word.quantity IS 'What was estimated; of a decision the row and the column, such as horinger.net_saving_cny.';
COMMENT ON COLUMN meta.estimate_word.method_version IS 'Method version: formula set and defaults that were used.';
COMMENT ON COLUMN meta.estimate_word.low IS 'p5. In the unit of the row.';
COMMENT ON COLUMN meta.estimate_word.central IS 'Central value; NULL: not known, see reason. In the unit of the row.';
COMMENT ON COLUMN meta.estimate_word.high IS 'p95. In the unit of the row.';
COMMENT ON COLUMN meta.estimate_word.unit IS 'Unit of low, central and high.';
COMMENT ON COLUMN meta.estimate_word.reason IS 'Why a number is missing.';
COMMENT ON COLUMN meta.estimate_word.is_bundled IS 'True if it rests on data that ships with Petaday.';
COMMENT ON COLUMN meta.estimate_word.is_estimated IS 'False: from then on this was not estimated any more.';
COMMENT ON COLUMN meta.estimate_word.recorded_at IS 'When it was first told. Unit: UTC.';
