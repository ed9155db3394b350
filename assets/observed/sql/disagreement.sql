-- Two sources that state different values for the same thing on the same days, and which of them is chosen by which
-- rule.
-- What a source has not confirmed lately is not held against another: an open statement reaches to the last time it was
-- made, or to when its row was refused.
CREATE OR REPLACE VIEW observed.disagreement AS
WITH seen AS (
    SELECT source_id, scope, subject, max(observed_at) AS confirmed_at
    FROM meta.snapshot WHERE is_complete GROUP BY ALL),
stated AS (
    SELECT 'cloud_rate' AS subject, concat_ws(' | ', provider, region, instance_type, purchase_option,
            nullif(price_component, 'instance'), nullif(offer_variant, '')) AS thing,
        'price_usd_per_hour' AS attribute, NULL AS written_as, price_usd_per_hour AS amount, source_id, scope,
        valid_from, valid_to, observed_at, capture_id, is_bundled, refused_from
    FROM observed.cloud_rate
        LEFT JOIN observed.cloud_rate_unconfirmed USING (source_id, scope, provider, region, instance_type,
            purchase_option, price_component, offer_variant)
    UNION ALL
    -- Lists name sellers and models differently.
    SELECT 'token_price', concat_ws(' | ', vendor_id, model_listing(model), direction, nullif(service_tier, 'standard'),
            CASE WHEN context_tier_from_tokens > 0 THEN 'from ' || context_tier_from_tokens || ' tokens' END,
            nullif(time_window, ''), nullif(region, 'global')),
        'price_usd_per_mtok', vendor || ' ' || model, price_usd_per_mtok, source_id, scope, valid_from, valid_to,
        observed_at, capture_id, is_bundled, refused_from
    FROM observed.token_price
        LEFT JOIN observed.token_price_unconfirmed USING (source_id, scope, vendor, model, direction, service_tier,
            context_tier_from_tokens, time_window, region)),
reaching AS (
    SELECT s.* EXCLUDE (valid_from, valid_to), coalesce(s.valid_from, s.observed_at) AS from_at,
        coalesce(s.valid_to, least(s.refused_from,
            CASE WHEN s.is_bundled THEN s.valid_from ELSE greatest(s.observed_at, e.confirmed_at) END
                + INTERVAL 1 DAY)) AS to_at
    FROM stated s LEFT JOIN seen e ON e.source_id = s.source_id AND e.scope = s.scope AND e.subject = s.subject
    WHERE s.amount IS NOT NULL),
-- A source that has several prices for one thing at one time, under several names, means several things: none of them
-- is compared.
single AS (
    SELECT r.*, lead(r.amount) OVER (PARTITION BY r.subject, r.source_id, r.scope, r.thing, r.written_as
            ORDER BY r.from_at) AS later_amount,
        lag(r.amount) OVER (PARTITION BY r.subject, r.source_id, r.scope, r.thing, r.written_as
            ORDER BY r.from_at) AS earlier_amount
    FROM reaching r ANTI JOIN reaching o ON o.source_id = r.source_id AND o.subject = r.subject AND o.thing = r.thing
        AND o.written_as <> r.written_as AND o.amount <> r.amount AND o.from_at < r.to_at AND r.from_at < o.to_at),
-- Under two names at one price a source says it once.
pair AS (
    SELECT DISTINCT a.subject, a.thing, a.attribute, a.source_id AS a_source_id, a.amount AS a_amount,
        a.later_amount AS a_later, a.earlier_amount AS a_earlier, a.capture_id AS a_capture_id,
        b.source_id AS b_source_id, b.amount AS b_amount, b.later_amount AS b_later, b.earlier_amount AS b_earlier,
        b.capture_id AS b_capture_id,
        greatest(a.from_at, b.from_at) AS from_at, least(a.to_at, b.to_at) AS to_at,
        (NOT starts_with(a.thing, a.source_id || ' | '), source_rank(a.source_id), a.source_id) AS a_rank,
        (NOT starts_with(b.thing, b.source_id || ' | '), source_rank(b.source_id), b.source_id) AS b_rank
    FROM single a JOIN single b ON b.subject = a.subject AND b.thing = a.thing AND a.source_id < b.source_id
        AND a.from_at < b.to_at AND b.from_at < a.to_at
    -- Half a per cent is rounding and the reference rate of another day.
    WHERE greatest(a.amount, b.amount) > 1.005 * least(a.amount, b.amount)),
-- Whom a third source holds right, or, in what no change of price explains, the other itself by what it said next.
voice AS (
    SELECT p.*, is_alike(c.amount, p.a_amount) AS is_a,
        greatest(source_rank(c.source_id), p.a_rank[2], p.b_rank[2]) < 9 AS has_vote
    FROM pair p JOIN single c ON c.subject = p.subject AND c.thing = p.thing AND c.from_at < p.to_at
        AND p.from_at < c.to_at
        AND c.source_id NOT IN (p.a_source_id, p.b_source_id)
    WHERE is_alike(c.amount, p.a_amount) OR is_alike(c.amount, p.b_amount)
    UNION ALL SELECT p.*, true, false FROM pair p WHERE is_alike(p.b_later, p.a_amount)
    UNION ALL SELECT p.*, false, false FROM pair p WHERE is_alike(p.a_later, p.b_amount)),
backed AS (
    SELECT v.subject, v.thing, v.a_source_id, v.a_capture_id, v.b_source_id, v.b_capture_id, v.from_at,
        bool_and(v.is_a) AS is_a
    FROM voice v
    -- As is_behind has it: one that said before what the others still say is ahead of them.
    WHERE (far_apart(v.a_amount, v.b_amount)
            OR (v.subject = 'token_price' AND v.has_vote AND if(v.is_a, v.a_amount, v.b_amount) > 0
                AND NOT coalesce(if(v.is_a, is_alike(v.b_earlier, v.a_amount), is_alike(v.a_earlier, v.b_amount)),
                    false)))
        AND v.a_rank[1] AND v.b_rank[1]
    GROUP BY ALL HAVING bool_and(v.is_a) = bool_or(v.is_a)),
price AS (
    SELECT p.subject, p.thing, p.attribute, NULL::DOUBLE AS claim_year, p.a_source_id AS said_by,
        p.a_amount::VARCHAR AS said_value, p.b_source_id AS also_said_by,
        p.b_amount::VARCHAR AS also_said_value,
        100 * (greatest(p.a_amount, p.b_amount) / nullif(least(p.a_amount, p.b_amount), 0) - 1) AS difference_percent,
        p.from_at AS differs_from, p.to_at AS differs_to, p.a_capture_id AS said_capture_id,
        p.b_capture_id AS also_said_capture_id,
        if(coalesce(k.is_a, p.a_rank <= p.b_rank), p.a_source_id, p.b_source_id) AS chosen,
        'what a seller says of itself; then, of prices eightfold apart, the one that a third source says too or the '
        'other source said next; of token prices, the one that a third list says too, unless the other said it before; '
        'then the lower source_rank: the seller before catalogs, catalogs before lists, lists before collections, the '
        'bundled set last; then by name' AS rule
    FROM pair p LEFT JOIN backed k USING (subject, thing, a_source_id, a_capture_id, b_source_id, b_capture_id,
        from_at)),
claim AS (
    SELECT c.provider, c.region, c.attribute,
        CASE WHEN c.attribute IN ('grid_zone', 'latitude', 'longitude') THEN NULL ELSE c.year::DOUBLE END AS year,
        c.value, c.claimed_by, c.valid_from, c.capture_id,
        CASE WHEN c.attribute = 'grid_zone' AND c.value = z.grid_zone THEN 0
            WHEN c.attribute = 'latitude' AND abs(c.amount - z.latitude) <= 0.5 THEN 0
            WHEN c.attribute = 'longitude' AND abs(c.amount - z.longitude) <= 0.5 THEN 0
            WHEN c.claimed_by LIKE 'Google Cloud%' AND c.provider = 'gcp' THEN 1
            WHEN c.claimed_by LIKE 'Green Software Foundation%' THEN 2 ELSE 3 END AS claim_rank
    FROM observed.region_claim_all c LEFT JOIN reference.region z ON z.provider = c.provider AND z.region = c.region
    -- What does not change over the years is taken from the latest claim of each claimant.
    QUALIFY c.attribute NOT IN ('grid_zone', 'latitude', 'longitude')
        OR row_number() OVER (PARTITION BY c.provider, c.region, c.attribute, c.claimed_by
            ORDER BY c.year DESC NULLS LAST) = 1
    UNION ALL
    SELECT r.provider, r.region, 'grid_zone', NULL, r.grid_zone, coalesce(r.zone_claimed_by, 'reference.region'), NULL,
        NULL, 0
    FROM reference.region r WHERE r.grid_zone IS NOT NULL
    UNION ALL
    SELECT r.provider, r.region, 'latitude', NULL, r.latitude::VARCHAR, 'reference.region', NULL, NULL, 0
    FROM reference.region r WHERE r.latitude IS NOT NULL
    UNION ALL
    SELECT r.provider, r.region, 'longitude', NULL, r.longitude::VARCHAR, 'reference.region', NULL, NULL, 0
    FROM reference.region r WHERE r.longitude IS NOT NULL),
region AS (
    SELECT 'region' AS subject, a.provider || ' | ' || a.region AS thing, a.attribute, a.year AS claim_year,
        a.claimed_by AS said_by, a.value AS said_value, b.claimed_by AS also_said_by, b.value AS also_said_value,
        -- A degree west of Greenwich is below zero, and so is what lies between two of them in per cent.
        CASE WHEN a.attribute NOT IN ('latitude', 'longitude') THEN
            100 * (greatest(try_cast(a.value AS DOUBLE), try_cast(b.value AS DOUBLE))
                / nullif(least(try_cast(a.value AS DOUBLE), try_cast(b.value AS DOUBLE)), 0) - 1)
        END AS difference_percent,
        CASE WHEN a.valid_from IS NOT NULL AND b.valid_from IS NOT NULL
            THEN greatest(a.valid_from, b.valid_from) END AS differs_from,
        NULL::TIMESTAMPTZ AS differs_to, a.capture_id AS said_capture_id, b.capture_id AS also_said_capture_id,
        CASE WHEN (a.claim_rank, a.claimed_by) <= (b.claim_rank, b.claimed_by) THEN a.claimed_by
            ELSE b.claimed_by END AS chosen,
        'what agrees with reference.region; then the operator of the region; then the Green Software Foundation; then '
        'by name' AS rule
    FROM claim a JOIN claim b ON b.provider = a.provider AND b.region = a.region AND b.attribute = a.attribute
        AND b.year IS NOT DISTINCT FROM a.year
        AND (a.claimed_by < b.claimed_by)
    WHERE CASE WHEN try_cast(a.value AS DOUBLE) IS NULL OR try_cast(b.value AS DOUBLE) IS NULL
            THEN lower(a.value) <> lower(b.value)
        -- A degree of latitude is 111 km: two claims of one place lie within half of that.
        WHEN a.attribute IN ('latitude', 'longitude') THEN abs(a.value::DOUBLE - b.value::DOUBLE) > 0.5
        ELSE abs(a.value::DOUBLE - b.value::DOUBLE) > 0.005 * greatest(abs(a.value::DOUBLE), abs(b.value::DOUBLE)) END)
SELECT * FROM price UNION ALL SELECT * FROM region;
COMMENT ON VIEW observed.disagreement IS
    'Two sources that state different values (by more than half a per cent) for the same thing on the same days: '
    'prices, tokens and what is claimed of cloud regions; with the one chosen and the rule.';
