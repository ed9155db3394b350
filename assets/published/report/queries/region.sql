-- Cloud regions: the lifecycle grid that is compared, the direct factor of the region's own zone, and what others
-- claim, each with its year and who says so.
WITH claim AS (
    -- A loaded claim bears the day since when it is made, as the names of typed ones say their version. Of several in
    -- one year the operator's counts.
    SELECT provider, region, attribute, amount AS value, year, claimed_by AS claimant,
        claimed_by || CASE WHEN is_typed THEN '' ELSE ', ' || stated_on END AS claimed_by,
        (coalesce(year, 0), claimed_by LIKE 'Google Cloud%', claimed_by) AS weight, capture_id
    FROM observed.region_claim_all
), grid_claim AS (
    SELECT provider, region, list({'value': value, 'year': year, 'claimed_by': claimed_by} ORDER BY value) AS claims,
        min(value) AS claim_low, max(value) AS claim_high, count(DISTINCT claimant) AS claimants,
        list(DISTINCT capture_id) AS claim_capture_ids
    FROM (
        SELECT *
        FROM claim WHERE attribute = 'grid_gco2e_per_kwh' AND value IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY provider, region, claimant
            ORDER BY year DESC NULLS LAST, value, capture_id) = 1)
    GROUP BY ALL
), other AS (
    SELECT provider, region,
        max_by({'value': value, 'year': year, 'claimed_by': claimed_by},
            weight) FILTER (attribute = 'location_based_gco2e_per_kwh') AS location_based,
        max_by({'value': value, 'year': year, 'claimed_by': claimed_by},
            weight) FILTER (attribute = 'market_based_gco2e_per_kwh') AS market_based,
        max_by({'value': value, 'year': year, 'claimed_by': claimed_by},
            weight) FILTER (attribute = 'carbon_free_share') AS carbon_free,
        max_by({'value': value, 'year': year, 'claimed_by': claimed_by}, weight) FILTER (attribute = 'pue') AS pue_claim
    FROM claim WHERE value IS NOT NULL GROUP BY ALL
)
SELECT r.provider, r.region, r.place, r.country_code, r.latitude, r.longitude, r.grid_zone, r.zone_claimed_by,
    r.source_url, coalesce(z.intensity_gco2e_per_kwh, c.intensity_gco2e_per_kwh) AS grid_gco2e_per_kwh,
    coalesce(z.zone, c.zone) AS zone_used, coalesce(z.year, c.year) AS grid_year,
    coalesce(z.source_id, c.source_id) AS source_id, coalesce(z.is_bundled, c.is_bundled) AS is_bundled,
    list_filter(list_concat([coalesce(z.capture_id, c.capture_id)], g.claim_capture_ids),
        lambda id: id IS NOT NULL) AS capture_ids,
    d.direct, g.claims, g.claim_low, g.claim_high, g.claimants, o.location_based, o.market_based, o.carbon_free,
    o.pue_claim
FROM reference.region r LEFT JOIN grid_now z ON z.zone = r.grid_zone LEFT JOIN grid_now c ON c.zone = r.country_code
LEFT JOIN (
    SELECT zone, {'value': intensity_gco2e_per_kwh, 'year': year, 'claimed_by': source_id} AS direct
    FROM grid_by_boundary WHERE basis_boundary = 'direct') d ON d.zone = r.grid_zone
LEFT JOIN grid_claim g USING (provider, region) LEFT JOIN other o USING (provider, region) ORDER BY r.provider, r.region
