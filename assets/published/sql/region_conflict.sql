-- Regions whose place, country and grid zone contradict each other or their neighbours.

CREATE OR REPLACE MACRO region_conflict() AS TABLE
    WITH pair AS (
        SELECT a.provider, a.region, a.place, a.country_code, a.grid_zone, b.provider AS other_provider,
            b.region AS other_region, b.grid_zone AS other_zone, a.place = b.place
            AND a.country_code = b.country_code AS is_same_place,
            111.2 * sqrt((a.latitude - b.latitude) ** 2
                + ((a.longitude - b.longitude) * cos(radians((a.latitude + b.latitude) / 2))) ** 2) AS distance_km
        FROM reference.region a
        JOIN reference.region b ON (a.provider <> b.provider OR a.region <> b.region)
            AND (abs(a.latitude - b.latitude) < 0.2 OR a.place = b.place))
    SELECT provider, region, 'its zone ' || grid_zone || ' is not in its country ' || country_code AS conflict
    FROM reference.region
    WHERE split_part(grid_zone, '-', 1) <> country_code
    UNION ALL
    -- The same place name with distant coordinates: probably another town of that name.
    SELECT provider, region,
        format('{} lies {:.0f} km from {} of {}', place, min(distance_km), min_by(other_region, distance_km),
            min_by(other_provider, distance_km))
    FROM pair WHERE is_same_place GROUP BY provider, region, place HAVING min(distance_km) > 100
    UNION ALL
    -- Most other regions within 2 km name another zone.
    SELECT provider, region,
        format('its zone {} is not the zone {} of the others within 2 km', grid_zone, mode(other_zone))
    FROM pair WHERE distance_km < 2 AND grid_zone IS NOT NULL AND other_zone IS NOT NULL
    GROUP BY provider, region, grid_zone
    HAVING count(*) FILTER (other_zone <> grid_zone) >= 2 AND count(*) FILTER (other_zone = grid_zone) = 0;
COMMENT ON MACRO TABLE region_conflict IS
    'Regions whose place, country and grid zone contradict each other or their neighbours: right city in the wrong '
    'state, valid but wrong zone. Empty is good.';
