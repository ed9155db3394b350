-- What is claimed of cloud regions, typed and loaded together, each thing in the last word of each claimant. A year of
-- a source (of undated claims a provider) is either as it was typed from one of its versions or as it was loaded,
-- whichever version is the newer: never both.
WITH told AS (
    SELECT source_id, scope, (max(observed_at) AT TIME ZONE 'UTC')::DATE AS told_on FROM meta.snapshot
    WHERE subject = 'region_claim' AND recorded_at <= {known_at} GROUP BY ALL),
copied AS (
    SELECT *, max(stated_on) OVER (PARTITION BY source_id, scope) AS newest_stated_on
    FROM (SELECT *, coalesce(year::INTEGER::VARCHAR, provider) AS scope FROM reference.region_claim)),
typed AS (
    SELECT c.* FROM copied c LEFT JOIN told t ON t.source_id = c.source_id AND t.scope = c.scope
    WHERE t.told_on IS NULL OR t.told_on < c.newest_stated_on),
loaded AS (
    SELECT l.* FROM {claims} l
    -- A version that is older than the typed one adds what was not typed of it, and nothing else.
    ANTI JOIN typed t ON t.source_id = l.source_id AND t.scope = l.scope AND t.attribute = l.attribute
    -- What its claimant says no more, or otherwise, is history.
    WHERE l.valid_to IS NULL)
SELECT provider, region, attribute, year::INTEGER AS year, value, TRY_CAST(value AS DOUBLE) AS amount, unit, claimed_by,
    true AS is_typed, source_id, stated_on, NULL::TIMESTAMPTZ AS valid_from, NULL::TIMESTAMPTZ AS observed_at,
    NULL::VARCHAR AS capture_id, source_url
FROM typed
UNION ALL BY NAME
SELECT l.provider, l.region, l.attribute, TRY_CAST(l.period AS INTEGER) AS year, l.value, l.amount, l.unit,
    concat(l.claimed_by, CASE WHEN l.place <> '' THEN ' (row ' || l.place || ')' END,
        CASE WHEN l.basis <> '' THEN ', ' || l.basis END) AS claimed_by,
    false AS is_typed, l.source_id, (l.observed_at AT TIME ZONE 'UTC')::DATE AS stated_on, l.valid_from, l.observed_at,
    l.capture_id, s.homepage_url AS source_url
FROM loaded l LEFT JOIN meta.source s ON s.source_id = l.source_id
