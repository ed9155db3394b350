-- A parser reads one answer and knows none before it: what earlier answers held of a zone is remembered here.
CREATE TABLE IF NOT EXISTS meta.zone_fuel (source_id VARCHAR, zone VARCHAR, fuel VARCHAR, seen_from TIMESTAMPTZ, batch_id VARCHAR, recorded_at TIMESTAMPTZ);
COMMENT ON TABLE meta.zone_fuel IS 'Fuels that mattered in a zone (5% or more of a day''s generation) by an answer of a source: a later slot of it without one of them is refused, unless reference.zone_fuel says that it closed. Only appended to: the earliest seen_from counts.';
COMMENT ON COLUMN meta.zone_fuel.source_id IS 'Source; see meta.source.';
COMMENT ON COLUMN meta.zone_fuel.zone IS 'Grid zone.';
COMMENT ON COLUMN meta.zone_fuel.fuel IS 'Fuel; see reference.zone_fuel and docs/methodology.md.';
COMMENT ON COLUMN meta.zone_fuel.seen_from IS 'Start of the first slot of the answer in which it mattered. Unit: UTC.';
COMMENT ON COLUMN meta.zone_fuel.batch_id IS 'Answer that held it; see meta.capture.';
COMMENT ON COLUMN meta.zone_fuel.recorded_at IS 'When it was committed. Unit: UTC.';
