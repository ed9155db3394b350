-- Regions whose grid zone lies in another country than the region, whose place lies outside the box of its zone (the
-- right name in the wrong state), or far from where another source puts it.
SELECT r.provider, r.region,
    'the zone ' || r.grid_zone || ' lies in another country than ' || r.country_code AS problem,
    NULL::DOUBLE AS distance_km
FROM reference.region r
WHERE split_part(r.grid_zone, '-', 1) <> r.country_code
UNION ALL
SELECT r.provider, r.region,
    format('its place ({:.2f}, {:.2f}) lies outside the zone {}', r.latitude, r.longitude, r.grid_zone), NULL
FROM reference.region r JOIN reference.zone_extent e ON e.zone = r.grid_zone
WHERE NOT (r.latitude BETWEEN e.south_latitude AND e.north_latitude
    AND r.longitude BETWEEN e.west_longitude AND e.east_longitude)
UNION ALL
SELECT r.provider, r.region, format('{:.0f} km from where {} puts it', d.km, d.claimed_by), d.km
FROM (
    SELECT c.provider, c.region, c.claimed_by,
        -- Great-circle distance on a sphere of 6,371 km.
        2 * 6371 * asin(least(1, sqrt(power(sin(radians(c.latitude - p.latitude) / 2), 2)
            + cos(radians(p.latitude)) * cos(radians(c.latitude))
                * power(sin(radians(c.longitude - p.longitude) / 2), 2)))) AS km
    FROM (
        -- Towns do not move: the latest year of each claimant.
        SELECT provider, region, claimed_by,
            max_by(amount, coalesce(year, 0)) FILTER (attribute = 'latitude') AS latitude,
            max_by(amount, coalesce(year, 0)) FILTER (attribute = 'longitude') AS longitude
        FROM observed.region_claim_all WHERE attribute IN ('latitude', 'longitude') GROUP BY ALL) c
    JOIN reference.region p ON p.provider = c.provider AND p.region = c.region
    WHERE c.latitude IS NOT NULL AND c.longitude IS NOT NULL AND p.latitude IS NOT NULL AND p.longitude IS NOT NULL) d
JOIN reference.region r ON r.provider = d.provider AND r.region = d.region
WHERE d.km > 400
ORDER BY 1, 2, 3
