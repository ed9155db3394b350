-- The parts that why_moved and why_rate_moved share: the exact split of a change, and the price at constant exchange
-- rates. Both take the name of a CTE of the caller (query_table).

-- A product of many factors is exact to some 1e-15 of the total: a part below 1e-13 of it is rounding.
CREATE OR REPLACE MACRO _without_rounding(part, total_from, total_to) AS
    CASE WHEN abs(part) < 1e-13 * greatest(abs(total_from), abs(total_to)) THEN 0.0 ELSE part END;
COMMENT ON MACRO _without_rounding IS
    'unit of part; part of a change, 0 where it is below 1e-13 of the larger total, so that rounding is not taken for '
    'a move';

-- factors: quantity, part, value_from, value_to, from_version, to_version, reason.
CREATE OR REPLACE MACRO _split_of_move(factors) AS TABLE
    WITH factor AS (FROM query_table(factors)),
    -- Of a product that becomes or was 0 the logarithm has no value, but a limit: the factor that is 0 has moved it
    -- all, the others nothing (Ang and Liu 2007, Energy Policy 35); of two that are 0 there is none.
    total AS (
        SELECT m.quantity, CASE WHEN count(m.value_from) = count(*) THEN product(m.value_from) END AS total_from,
            CASE WHEN count(m.value_to) = count(*) THEN product(m.value_to) END AS total_to,
            any_value(m.from_version) AS from_version, any_value(m.to_version) AS to_version,
            count(CASE WHEN (m.value_from = 0) <> (m.value_to = 0) THEN 1 END) AS zero_count,
            string_agg(DISTINCT m.reason, '; ' ORDER BY m.reason) AS reason
        FROM factor m GROUP BY m.quantity),
    split AS (
        SELECT m.quantity, m.part, m.value_from, m.value_to,
            CASE WHEN t.total_from IS NULL OR t.total_to IS NULL THEN NULL
                WHEN t.total_from = 0 AND t.total_to = 0 THEN 0.0
                WHEN t.total_from = 0 OR t.total_to = 0
                    THEN CASE WHEN t.zero_count > 1 THEN NULL
                        WHEN (m.value_from = 0) <> (m.value_to = 0) THEN t.total_to - t.total_from ELSE 0.0 END
                ELSE _without_rounding(moved_by(m.value_from, m.value_to, t.total_from, t.total_to), t.total_from,
                    t.total_to) END AS moved_by,
            t.total_from, t.total_to, t.from_version, t.to_version,
            coalesce(m.reason, t.reason) AS reason
        FROM factor m JOIN total t ON t.quantity = m.quantity
        UNION ALL
        SELECT t.quantity, 'total', t.total_from, t.total_to,
            _without_rounding(t.total_to - t.total_from, t.total_from, t.total_to), t.total_from, t.total_to,
            t.from_version, t.to_version, t.reason
        FROM total t)
    SELECT a.* REPLACE (CASE WHEN a.moved_by IS NULL
            THEN coalesce(a.reason,
                CASE WHEN a.total_from * a.total_to = 0
                        THEN 'several factors are 0, and what each of them has moved is not defined'
                    ELSE 'a factor is below 0, and such a product cannot be split' END) END AS reason)
    FROM split a;
COMMENT ON MACRO TABLE _split_of_move IS
    'Change of each quantity split exactly over the factors whose product it is (LMDI-I), with a row for the total; '
    'factors names a relation with the value of each factor on both sides.';

-- offers: side (from, to), provider, region, instance_type, offer_variant, source_id, scope, valid_from, currency_code,
-- usd and amount per GPU-hour. The rate of a currency is that of the same offer on the earlier side, else the mean over
-- the offers of that side, else the rate of its day.
CREATE OR REPLACE MACRO _rates_at_old_exchange(offers, from_at) AS TABLE
    WITH asked AS (SELECT (_instant(from_at) AT TIME ZONE 'UTC')::DATE AS earlier_on),
    offer AS (FROM query_table(offers)),
    currency AS (
        SELECT o.currency_code, avg(o.usd / o.amount) AS usd_per_unit
        FROM offer o WHERE o.side = 'from' GROUP BY o.currency_code),
    by_provider AS (
        SELECT o.side, o.provider, median(o.usd) AS usd,
            median(CASE WHEN o.currency_code = 'USD' THEN o.usd
                ELSE o.amount * coalesce(f.usd / f.amount, c.usd_per_unit, d.usd_per_unit) END) AS usd_at_old_rate
        FROM offer o CROSS JOIN asked q
        LEFT JOIN offer f ON o.side = 'to' AND f.side = 'from' AND f.provider = o.provider AND f.region = o.region
            AND f.instance_type = o.instance_type AND f.offer_variant = o.offer_variant AND f.source_id = o.source_id
            AND f.scope = o.scope AND f.valid_from IS NOT DISTINCT FROM o.valid_from
        LEFT JOIN currency c ON c.currency_code = o.currency_code
        LEFT JOIN observed.usd_rate_day d ON d.currency_code = o.currency_code AND d.rate_on = q.earlier_on
        GROUP BY o.side, o.provider)
    SELECT p.side, median(p.usd) AS usd, median(p.usd_at_old_rate) AS usd_at_old_rate
    FROM by_provider p GROUP BY p.side;
COMMENT ON MACRO TABLE _rates_at_old_exchange IS
    'USD per GPU-hour of each side, the median over providers of the medians of their offers: as converted on its own '
    'date, and at the exchange rates of the earlier side, for why_moved.';
