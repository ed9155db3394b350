-- A continent's two letters alone are no country (AS is Asia before it is American Samoa); the UK is written so, and GB
-- in ISO 3166.
CREATE OR REPLACE MACRO _country_in_name(region) AS
    CASE WHEN region NOT IN ('AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA')
            THEN regexp_replace(nullif(regexp_extract(region, '(?:^|, )([A-Z]{2})(?:, (?:AF|AN|AS|EU|NA|OC|SA))?$', 1),
                    ''), '^UK$', 'GB') END;
COMMENT ON MACRO _country_in_name IS
    'Country code that the name of a place ends with (before the continent, if there is one): EE of ''Estonia, EE, '
    'EU''; NULL where there is none.';

-- Offers of a market name their place ('Alberta, CA, NA'): only the country can be derived from it.
CREATE OR REPLACE MACRO _country_told(known_region, country_code, written_region) AS
    CASE WHEN known_region IS NULL THEN _country_in_name(written_region) ELSE country_code END;
COMMENT ON MACRO _country_told IS
    'Country of a region: that of reference.region, or (where it is not in it, known_region NULL) the one that its '
    'name as written ends with.';
