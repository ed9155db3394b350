-- Names that are given to macros: one that is not known is an error that names the closest known ones, not an empty
-- answer. (A known name without data is answered with no row.)
-- Planning takes longer than running here: each check is one small aggregate over the names that there are. Their
-- columns have names that no argument has, so that a column given as an argument is never resolved to one of them.
CREATE OR REPLACE MACRO _asked_name(argument, given, is_meant, near_names, listed_in) AS
    CASE WHEN given IS NULL OR is_meant THEN given
        ELSE error(argument || ': ''' || given || ''' is not known; '
            || coalesce('did you mean ' || array_to_string(near_names, ' or ') || '?',
                'known ones are in ' || listed_in)) END;
COMMENT ON MACRO _asked_name IS
    'A name that was given, or NULL; one that is not known is an error that names the closest known ones.';

CREATE OR REPLACE MACRO _near_names(known_name, likeness) AS
    arg_max(known_name, likeness, 3) FILTER (likeness > 0.85);
COMMENT ON MACRO _near_names IS 'The three names that are most like a word; NULL if none is.';

CREATE OR REPLACE MACRO _asked_accelerator(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names, 'reference.accelerator')
    FROM (
        SELECT bool_or(n.is_meant) AS is_meant, _near_names(n.known_name, n.likeness) AS near_names
        FROM (
            SELECT w.accelerator_id AS known_name, bool_or(w.written_key = k.given_key) AS is_meant,
                max(jaro_winkler_similarity(w.written_key, k.given_key)) AS likeness
            FROM _accelerator_written() w CROSS JOIN (SELECT accelerator_key(given::VARCHAR) AS given_key) k
            GROUP BY w.accelerator_id) n) c);
COMMENT ON MACRO _asked_accelerator IS
    'The name of an accelerator that was given, or NULL; one that means none is an error.';

CREATE OR REPLACE MACRO _asked_accelerators(argument, accelerator) AS TABLE
    WITH meant AS (SELECT i.accelerator_id FROM accelerator_ids(accelerator) i)
    SELECT m.accelerator_id FROM meant m
    UNION ALL
    SELECT _asked_accelerator(argument, accelerator) WHERE NOT EXISTS (FROM meant);
COMMENT ON MACRO TABLE _asked_accelerators IS
    'accelerator_ids, with an error where the name means none; NULL if none is given.';

-- One meaning is needed: a name of several accelerators is refused too.
CREATE OR REPLACE MACRO _asked_card(argument, given) AS (
    SELECT CASE WHEN len(c.meant) > 1 AND NOT list_contains(c.meant, lower(given::VARCHAR))
                THEN error(argument || ': ''' || given::VARCHAR || ''' may be ' || array_to_string(c.meant, ', ')
                    || '; name one')
            ELSE _asked_accelerator(argument, given) END
    FROM (SELECT list(i.accelerator_id ORDER BY i.accelerator_id) AS meant FROM accelerator_ids(given) i) c);
COMMENT ON MACRO _asked_card IS
    'The name of one accelerator that was given, or NULL; one that means none or several is an error.';

-- Names that a zone may have been meant by: those with slots of an hour or less, and those of countries and regions.
CREATE OR REPLACE MACRO _zone_written() AS TABLE
    SELECT DISTINCT d.zone AS known_zone, d.zone AS written_as FROM estimated.grid_day d
    UNION ALL SELECT r.grid_zone, r.grid_zone FROM reference.region r WHERE r.grid_zone IS NOT NULL
    UNION ALL SELECT coalesce(o.grid_zone, o.country_code), o.name FROM reference.country o
    UNION ALL SELECT o.country_code, o.country_code FROM reference.country o;
COMMENT ON MACRO TABLE _zone_written IS 'Grid zones, by their names and those of their countries.';

-- Any zone of the log is known, whatever its slots: of 15 million, finding one takes no longer than reading it.
CREATE OR REPLACE MACRO _asked_zone(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant OR EXISTS (
                SELECT 1 FROM (SELECT l.zone AS known_zone FROM observed.grid_carbon_log l) z
                WHERE z.known_zone = given::VARCHAR), c.near_names, 'observed.grid_carbon')
    FROM (
        SELECT bool_or(n.is_meant) AS is_meant, _near_names(n.known_name, n.likeness) AS near_names
        FROM (
            SELECT z.known_zone AS known_name, bool_or(z.known_zone = given::VARCHAR) AS is_meant,
                max(jaro_winkler_similarity(lower(z.written_as), lower(given::VARCHAR))) AS likeness
            FROM _zone_written() z GROUP BY z.known_zone) n) c);
COMMENT ON MACRO _asked_zone IS 'A grid zone that was given, or NULL; one that is not known is an error.';

CREATE OR REPLACE MACRO _asked_model(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names, 'reference.model')
    FROM (
        SELECT bool_or(n.is_meant) AS is_meant, _near_names(n.known_name, n.likeness) AS near_names
        FROM (
            SELECT m.model_id AS known_name, bool_or(m.name_key = k.given_key) AS is_meant,
                max(jaro_winkler_similarity(m.name_key, k.given_key)) AS likeness
            FROM observed.model_name m CROSS JOIN (SELECT model_key(given::VARCHAR) AS given_key) k
            GROUP BY m.model_id) n) c);
COMMENT ON MACRO _asked_model IS
    'The name of a model of reference.model that was given, or NULL; one that means none is an error.';

-- Known without a price are models of reference.model, which nobody may sell by the token, and those of bundled
-- scenarios.
CREATE OR REPLACE MACRO _asked_sold_model(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names, 'observed.token_price')
    FROM (
        SELECT bool_or(n.is_meant) AS is_meant, _near_names(n.known_name, n.likeness) AS near_names
        FROM (
            SELECT s.known_name,
                model_listing(s.known_name) = k.given_listing
                    OR regexp_replace(model_listing(s.known_name), '-20[0-9]{2}-?[01][0-9]-?[0-3][0-9].*$', '')
                        = k.given_listing
                    OR ends_with('/' || lower(s.known_name), '/' || lower(given::VARCHAR)) AS is_meant,
                jaro_winkler_similarity(lower(split_part(s.known_name, '/', -1)), k.given_listing) AS likeness
            FROM (
                SELECT t.model AS known_name FROM observed.token_price_log t
                UNION SELECT o.model_id FROM reference.model o
                UNION SELECT _toml_text(b.definition, 'buy_model') FROM reference.scenario b) s
            CROSS JOIN (SELECT model_listing(given::VARCHAR) AS given_listing) k) n) c);
COMMENT ON MACRO _asked_sold_model IS
    'The name of a model that is sold by the token, or NULL; one that is neither sold nor in reference.model is an '
    'error.';

CREATE OR REPLACE MACRO _asked_vendor(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names, 'observed.token_price')
    FROM (
        SELECT bool_or(lower(n.known_name) = lower(given::VARCHAR)) AS is_meant,
            _near_names(n.known_name,
                jaro_winkler_similarity(lower(n.known_name), lower(given::VARCHAR))) AS near_names
        FROM (
            SELECT t.vendor AS known_name FROM observed.token_price_log t
            UNION SELECT _toml_text(b.definition, 'buy_vendor') FROM reference.scenario b) n) c);
COMMENT ON MACRO _asked_vendor IS 'A vendor of tokens that was given, or NULL; one that is not known is an error.';

CREATE OR REPLACE MACRO _place_written() AS TABLE
    SELECT r.provider AS known_provider, r.region AS known_region FROM reference.region r
    UNION SELECT l.provider, l.region FROM observed.cloud_rate_log l;
COMMENT ON MACRO TABLE _place_written IS 'Providers and their regions: those of reference.region and of all offers.';

CREATE OR REPLACE MACRO _asked_provider(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names, 'reference.region and observed.cloud_rate')
    FROM (
        SELECT bool_or(lower(n.known_provider) = lower(given::VARCHAR)) AS is_meant,
            _near_names(n.known_provider,
                jaro_winkler_similarity(lower(n.known_provider), lower(given::VARCHAR))) AS near_names
        FROM (SELECT DISTINCT p.known_provider FROM _place_written() p) n) c);
COMMENT ON MACRO _asked_provider IS 'A cloud provider that was given, or NULL; one that is not known is an error.';

-- Of a provider that is not known there are no regions to compare with: _asked_provider refuses it.
CREATE OR REPLACE MACRO _asked_region(argument, given, of_provider) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names,
            'reference.region and observed.cloud_rate' || coalesce(' (provider ' || of_provider::VARCHAR || ')', ''))
    FROM (
        SELECT coalesce(bool_or(lower(n.known_region) = lower(given::VARCHAR)), true) AS is_meant,
            _near_names(n.known_region,
                jaro_winkler_similarity(lower(n.known_region), lower(given::VARCHAR))) AS near_names
        FROM (SELECT DISTINCT p.known_region
              FROM _place_written() p
              WHERE of_provider::VARCHAR IS NULL OR lower(p.known_provider) = lower(of_provider::VARCHAR)) n) c);
COMMENT ON MACRO _asked_region IS
    'A cloud region that was given, or NULL; one that is none of the provider (of any, if of_provider is NULL) is an '
    'error.';

CREATE OR REPLACE MACRO _asked_cluster(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names, 'reference.compute_hub')
    FROM (
        SELECT bool_or(h.cluster_id = lower(given::VARCHAR)) AS is_meant,
            _near_names(h.cluster_id,
                jaro_winkler_similarity(h.cluster_id, lower(given::VARCHAR))) AS near_names
        FROM reference.compute_hub h) c);
COMMENT ON MACRO _asked_cluster IS 'A cluster of reference.compute_hub that was given, or NULL; another is an error.';

CREATE OR REPLACE MACRO _asked_place(argument, given, of_provider) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names,
            'reference.region, observed.cloud_rate and observed.grid_carbon')
    FROM (
        SELECT bool_or(lower(n.known_region) = lower(given::VARCHAR)) AS is_meant,
            _near_names(n.known_region,
                jaro_winkler_similarity(lower(n.known_region), lower(given::VARCHAR))) AS near_names
        FROM (SELECT p.known_region
              FROM _place_written() p
              WHERE of_provider::VARCHAR IS NULL OR lower(p.known_provider) = lower(of_provider::VARCHAR)
              UNION SELECT z.known_zone FROM _zone_written() z) n) c);
COMMENT ON MACRO _asked_place IS
    'A cloud region or grid zone that was given, or NULL; one that is not known is an error.';

-- A bundled scenario is known before it is computed.
CREATE OR REPLACE MACRO _asked_estimate(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names, 'reference.scenario')
    FROM (
        SELECT bool_or(n.known_name = given::VARCHAR) AS is_meant,
            _near_names(n.known_name, jaro_winkler_similarity(n.known_name, given::VARCHAR)) AS near_names
        FROM (SELECT t.scenario_id AS known_name FROM estimated.training_estimate t
              UNION SELECT e.scenario_id FROM estimated.scenario_estimate e
              UNION SELECT b.scenario_id FROM reference.scenario b) n) c);
COMMENT ON MACRO _asked_estimate IS 'A bundled scenario that was given, or NULL; another is an error.';

-- A bundled scenario is known before it is computed, and an offer of one also where it was never observed: what the
-- bundled questions ask must not fail in a warehouse that has read one publisher so far.
CREATE OR REPLACE MACRO _asked_movable(argument, given) AS (
    SELECT _asked_name(argument, given::VARCHAR, c.is_meant, c.near_names,
            'reference.scenario (training, fine_tuning, serving, service, fleet), estimated.siting and '
                || 'estimated.petaday_history')
    FROM (
        SELECT bool_or(CASE WHEN n.is_of_offers
                        THEN starts_with(given::VARCHAR, n.known_name || '/') AND EXISTS (
                            SELECT 1 FROM (SELECT a.accelerator_id AS known_card FROM reference.accelerator a) r
                            WHERE r.known_card = split_part(given::VARCHAR, '/', -2))
                    ELSE n.known_name = given::VARCHAR END) AS is_meant,
            _near_names(n.known_name, jaro_winkler_similarity(n.known_name, given::VARCHAR)) AS near_names
        FROM (SELECT b.scenario_id AS known_name, b.kind IN ('siting', 'petaday_history') AS is_of_offers
              FROM reference.scenario b
              WHERE b.kind IN ('training', 'fine_tuning', 'serving', 'service', 'fleet', 'siting', 'petaday_history')
              UNION SELECT t.scenario_id, false FROM estimated.training_estimate t
              UNION SELECT e.scenario_id, false
              FROM estimated.scenario_estimate e WHERE e.section IN ('fine_tuning', 'serving', 'service', 'fleet')
              UNION SELECT concat_ws('/', s.scenario_id, s.provider, s.region, s.accelerator_id, s.purchase_option),
                  false
              FROM estimated.siting s
              UNION SELECT concat_ws('/', h.scenario_id, h.accelerator_id, h.purchase_option), false
              FROM estimated.petaday_history h) n) c);
COMMENT ON MACRO _asked_movable IS 'What why_moved can split, or NULL; anything else is an error.';
