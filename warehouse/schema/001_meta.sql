-- Bookkeeping of the warehouse: what was captured, loaded, refused and published.
CREATE SCHEMA IF NOT EXISTS meta;
CREATE SCHEMA IF NOT EXISTS reference;
CREATE SCHEMA IF NOT EXISTS observed;
CREATE SCHEMA IF NOT EXISTS estimated;

CREATE TABLE IF NOT EXISTS meta.schema_version (version INTEGER, applied_at TIMESTAMPTZ);
COMMENT ON TABLE meta.schema_version IS 'Migrations applied to this warehouse.';
COMMENT ON COLUMN meta.schema_version.version IS 'Number of the migration file.';
COMMENT ON COLUMN meta.schema_version.applied_at IS 'When it was applied. Unit: UTC.';

CREATE TABLE IF NOT EXISTS meta.definition (name VARCHAR, fingerprint VARCHAR);
COMMENT ON TABLE meta.definition IS 'Fingerprint of the generated tables, views and macros, so that they are rebuilt only when they change.';
COMMENT ON COLUMN meta.definition.name IS 'Name of the set of definitions.';
COMMENT ON COLUMN meta.definition.fingerprint IS 'SHA-256 of their SQL text.';

CREATE TABLE IF NOT EXISTS meta.capture (
    load_number BIGINT, capture_id VARCHAR, batch_id VARCHAR, source_id VARCHAR, url VARCHAR, fetched_at TIMESTAMPTZ, http_status INTEGER,
    etag VARCHAR, last_modified VARCHAR, sha256 VARCHAR, byte_count BIGINT, path VARCHAR, parser_version INTEGER,
    row_count BIGINT, changed_count BIGINT, rejected_count BIGINT, outcome VARCHAR, message VARCHAR, recorded_at TIMESTAMPTZ);
COMMENT ON TABLE meta.capture IS 'One row per capture: the bytes a publisher sent, where they lie, and what became of them.';
COMMENT ON COLUMN meta.capture.load_number IS 'Order in which batches were recorded.';
COMMENT ON COLUMN meta.capture.capture_id IS 'Key: hash of source, time and bytes.';
COMMENT ON COLUMN meta.capture.batch_id IS 'Captures parsed together (the pages of one answer).';
COMMENT ON COLUMN meta.capture.source_id IS 'Source; see meta.source.';
COMMENT ON COLUMN meta.capture.url IS 'Address without secrets, or the name of the hand-loaded file.';
COMMENT ON COLUMN meta.capture.fetched_at IS 'When the publisher was seen to say so. Unit: UTC.';
COMMENT ON COLUMN meta.capture.http_status IS 'HTTP status; NULL for a file.';
COMMENT ON COLUMN meta.capture.etag IS 'ETag header, for the next conditional request.';
COMMENT ON COLUMN meta.capture.last_modified IS 'Last-Modified header, for the next conditional request.';
COMMENT ON COLUMN meta.capture.sha256 IS 'SHA-256 of the uncompressed bytes.';
COMMENT ON COLUMN meta.capture.byte_count IS 'Size uncompressed. Unit: byte.';
COMMENT ON COLUMN meta.capture.path IS 'File below the captures folder (zstd).';
COMMENT ON COLUMN meta.capture.parser_version IS 'Version of the parser that read it.';
COMMENT ON COLUMN meta.capture.row_count IS 'Observation rows read from the batch.';
COMMENT ON COLUMN meta.capture.changed_count IS 'Rows that the batch appended to the log.';
COMMENT ON COLUMN meta.capture.rejected_count IS 'Rows of the batch that were refused; see meta.rejected_row.';
COMMENT ON COLUMN meta.capture.outcome IS 'loaded, unchanged (same bytes as before) or rejected.';
COMMENT ON COLUMN meta.capture.message IS 'Why it was rejected.';
COMMENT ON COLUMN meta.capture.recorded_at IS 'When the outcome was committed. Unit: UTC.';

CREATE TABLE IF NOT EXISTS meta.snapshot (
    batch_id VARCHAR, source_id VARCHAR, scope VARCHAR, subject VARCHAR, observed_at TIMESTAMPTZ, is_complete BOOLEAN, is_dated BOOLEAN,
    row_count BIGINT, appended_count BIGINT, valid_min TIMESTAMPTZ, valid_max TIMESTAMPTZ, recorded_at TIMESTAMPTZ);
COMMENT ON TABLE meta.snapshot IS 'What each loaded batch spoke of: one row per batch and scope. Says "seen, unchanged" where the log has no row.';
COMMENT ON COLUMN meta.snapshot.batch_id IS 'Batch of captures; see meta.capture.';
COMMENT ON COLUMN meta.snapshot.source_id IS 'Source; see meta.source.';
COMMENT ON COLUMN meta.snapshot.scope IS 'Part of the source that was covered.';
COMMENT ON COLUMN meta.snapshot.subject IS 'Subject of the rows.';
COMMENT ON COLUMN meta.snapshot.observed_at IS 'When the publisher was seen to say so. Unit: UTC.';
COMMENT ON COLUMN meta.snapshot.is_complete IS 'True if what is absent is no longer offered.';
COMMENT ON COLUMN meta.snapshot.is_dated IS 'True if rows carry dates of the publisher.';
COMMENT ON COLUMN meta.snapshot.row_count IS 'Rows in the snapshot.';
COMMENT ON COLUMN meta.snapshot.appended_count IS 'Rows appended to the log.';
COMMENT ON COLUMN meta.snapshot.valid_min IS 'Earliest valid_from it states. Unit: UTC.';
COMMENT ON COLUMN meta.snapshot.valid_max IS 'Latest valid_from it states. Unit: UTC.';
COMMENT ON COLUMN meta.snapshot.recorded_at IS 'When it was committed. Unit: UTC.';

CREATE TABLE IF NOT EXISTS meta.rejected_row (
    batch_id VARCHAR, capture_id VARCHAR, source_id VARCHAR, subject VARCHAR, reason VARCHAR, row_json VARCHAR, recorded_at TIMESTAMPTZ);
COMMENT ON TABLE meta.rejected_row IS 'Rows that were refused, with the reason: never loaded, never dropped in silence.';
COMMENT ON COLUMN meta.rejected_row.batch_id IS 'Batch of captures; see meta.capture.';
COMMENT ON COLUMN meta.rejected_row.capture_id IS 'Capture; see meta.capture.';
COMMENT ON COLUMN meta.rejected_row.source_id IS 'Source; see meta.source.';
COMMENT ON COLUMN meta.rejected_row.subject IS 'Subject it was meant for.';
COMMENT ON COLUMN meta.rejected_row.reason IS 'Why it was refused.';
COMMENT ON COLUMN meta.rejected_row.row_json IS 'The row as read, in JSON.';
COMMENT ON COLUMN meta.rejected_row.recorded_at IS 'When it was committed. Unit: UTC.';

CREATE TABLE IF NOT EXISTS meta.source (
    source_id VARCHAR, subject VARCHAR, title VARCHAR, homepage_url VARCHAR, licence VARCHAR, licence_url VARCHAR, attribution VARCHAR,
    cadence VARCHAR, key_name VARCHAR, is_bundled BOOLEAN, parser_version INTEGER);
COMMENT ON TABLE meta.source IS 'Every source: who publishes, under which licence, how often it is read.';
COMMENT ON COLUMN meta.source.source_id IS 'Key of the source.';
COMMENT ON COLUMN meta.source.subject IS 'Subject whose log its rows go to.';
COMMENT ON COLUMN meta.source.title IS 'Name of the source, for people.';
COMMENT ON COLUMN meta.source.homepage_url IS 'Page on which a person finds it.';
COMMENT ON COLUMN meta.source.licence IS 'Licence or terms of the data.';
COMMENT ON COLUMN meta.source.licence_url IS 'Page that states the licence.';
COMMENT ON COLUMN meta.source.attribution IS 'Attribution that the licence asks for.';
COMMENT ON COLUMN meta.source.cadence IS 'Cron schedule in UTC; NULL: loaded by hand or bundled.';
COMMENT ON COLUMN meta.source.key_name IS 'Environment variable that must hold its key; NULL: none needed.';
COMMENT ON COLUMN meta.source.is_bundled IS 'True for the data that ships with Petaday.';
COMMENT ON COLUMN meta.source.parser_version IS 'Version of its parser.';

CREATE TABLE IF NOT EXISTS meta.reference_file (table_name VARCHAR, sha256 VARCHAR, row_count BIGINT, loaded_at TIMESTAMPTZ);
COMMENT ON TABLE meta.reference_file IS 'State of the reference tables loaded from assets/reference.';
COMMENT ON COLUMN meta.reference_file.table_name IS 'Table of the schema reference.';
COMMENT ON COLUMN meta.reference_file.sha256 IS 'SHA-256 of the CSV file.';
COMMENT ON COLUMN meta.reference_file.row_count IS 'Rows of the file.';
COMMENT ON COLUMN meta.reference_file.loaded_at IS 'When the file was loaded. Unit: UTC.';

CREATE TABLE IF NOT EXISTS meta.publication (publication_number BIGINT, published_at TIMESTAMPTZ);
COMMENT ON TABLE meta.publication IS 'Publications of this warehouse, numbered without a gap; the last row is this file.';
COMMENT ON COLUMN meta.publication.publication_number IS 'Number of the publication, from 1.';
COMMENT ON COLUMN meta.publication.published_at IS 'When it was published. Unit: UTC.';
