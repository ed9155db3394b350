-- Ids that a list took from an address carry its escapes.
CREATE OR REPLACE MACRO _unescaped_model(name) AS
    replace(replace(replace(lower(name), '%3a', ':'), '%2f', '/'), '%40', '@');
COMMENT ON MACRO _unescaped_model IS 'A model name in lower case, with the escapes of an address (%3A, %2F, %40) read.';
-- Names of models as vendors write them, brought to one form for matching. The path, the vendor's prefix, the tuning
-- that does not change the size (instruct, chat), and the day of a snapshot do not count; any other word makes another
-- model. Between digits every sign is a p, so that 1.3b is not 13b, and 3.1, 3-1 and 3p1 are the same (twice, as digits
-- of one place are shared by their neighbours).
CREATE OR REPLACE MACRO model_key(name) AS
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        _unescaped_model(name), '^.*/|[:@(].*$', '', 'g'), '^([a-z]+\.)+', ''),
        '([0-9])[^a-z0-9]+([0-9])', '\1p\2', 'g'), '([0-9])[^a-z0-9]+([0-9])', '\1p\2', 'g'),
        '[^a-z0-9]', '', 'g'), '^(meta)?llamav?([0-9])', 'llama\2'),
        '((instruct|chat)v[0-9p]+|p?20[0-9]{2}p?[0-9]{2}p?[0-9]{2}(v[0-9]+)?|instruct|chat|hf|it)+$', '');
COMMENT ON MACRO model_key IS
    'A model name without vendor, punctuation, tuning (instruct, chat) and day of a snapshot, for matching with '
    'reference.model and reference.model_alias.';
-- Two lists may spell one listing differently (claude-sonnet-4.5, anthropic/claude-sonnet-4-5), but a day, a region or
-- a tier in it is another price.
CREATE OR REPLACE MACRO model_listing(name) AS
    regexp_replace(regexp_replace(_unescaped_model(name), '^.*/', ''), '[^a-z0-9:]+', '-', 'g');
COMMENT ON MACRO model_listing IS
    'A model name without path, case and punctuation: what has one price at one vendor. Days, regions and variants '
    '(:free) stay in it, unlike in model_key.';
-- The day of a snapshot is part of a name in several forms: gpt-4o-2024-08-06, claude-sonnet-4@20250514.
CREATE OR REPLACE MACRO model_snapshot(name) AS
    replace(regexp_extract(model_listing(name), '20[0-9]{2}-?[01][0-9]-?[0-3][0-9]'), '-', '');
COMMENT ON MACRO model_snapshot IS 'The day of a snapshot in a model name, yyyymmdd; empty if it has none.';
CREATE OR REPLACE MACRO may_mean_listing(asked_listing, asked_snapshot, listing) AS
    asked_snapshot IN ('', model_snapshot(listing)) AND NOT regexp_matches(listing, ':[a-z]|\(')
    AND NOT regexp_matches(asked_listing, ':[a-z]');
COMMENT ON MACRO may_mean_listing IS
    'Whether a model name (model_listing, and its model_snapshot) may stand for a listing of the same model that is '
    'spelled otherwise: neither is a variant (:free), and no other day than the one that is asked for.';
