-- Passports of scenario_verdict: the claim, and the walk of the estimate that it is held against.
CREATE OR REPLACE MACRO _head_of_verdict(of_table, of_key) AS TABLE
    SELECT concat_ws('/', v.claim_id, v.method_version) AS root_key, v.scenario_id, v.quantity, v.method_version, v.low,
        v.central, v.high, v.unit, CASE WHEN v.central IS NULL THEN v.verdict END AS reason, t.as_of_at,
        'estimated.scenario_verdict' AS table_name, v.claim_id
    FROM estimated.scenario_verdict v
    LEFT JOIN (
        SELECT scenario_id, quantity, method_version, as_of_at
        FROM estimated.training_estimate
        UNION ALL SELECT scenario_id, quantity, method_version, as_of_at
        FROM estimated.scenario_estimate) t USING (scenario_id, quantity, method_version)
    WHERE of_table = 'scenario_verdict' AND starts_with(concat_ws('/', v.claim_id, v.method_version), of_key);
COMMENT ON MACRO TABLE _head_of_verdict IS 'Rows of scenario_verdict in the form that passport walks from.';

-- Of a decision the quantity says row and column: horinger.net_saving_cny.
CREATE OR REPLACE MACRO _linked_verdict(of_table, of_key) AS TABLE
    SELECT h.root_key, k.linked_table,
        concat_ws('/', h.scenario_id, CASE k.linked_table WHEN 'build_adapt_buy' THEN (
            SELECT concat_ws('/', max(b.month_on), split_part(h.quantity, '.', 1))
            FROM estimated.build_adapt_buy b
            WHERE b.scenario_id = h.scenario_id AND b.pays_back_probability IS NOT NULL)
            WHEN 'compute_growth' THEN replace(h.quantity, '.', '/') ELSE split_part(h.quantity, '.', 1) END,
            '') AS linked_key
    FROM _head_of_verdict(of_table, of_key) h
    JOIN (
        SELECT DISTINCT scenario_id, 'east_west' AS linked_table
        FROM estimated.east_west
        UNION ALL SELECT DISTINCT scenario_id, 'esg_report'
        FROM estimated.esg_report
        UNION ALL SELECT DISTINCT scenario_id, 'compute_growth'
        FROM estimated.compute_growth
        UNION ALL SELECT DISTINCT scenario_id, 'build_adapt_buy'
        FROM estimated.build_adapt_buy) k ON k.scenario_id = h.scenario_id AND contains(h.quantity, '.');
COMMENT ON MACRO TABLE _linked_verdict IS 'Decisions that claims are held against: table and start of the key.';

CREATE OR REPLACE MACRO _reference_of_verdict(of_table, of_key) AS TABLE
    SELECT h.root_key, 'reference.scenario_claim' AS table_name, h.claim_id AS row_key
    FROM _head_of_verdict(of_table, of_key) h
    UNION ALL SELECT h.root_key, 'reference.scenario', h.scenario_id
    FROM _head_of_verdict(of_table, of_key) h
    UNION ALL SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _reference_of_east_west('east_west', '') r ON l.linked_table = 'east_west'
        AND starts_with(r.root_key, l.linked_key)
    UNION ALL SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _reference_of_esg_report('esg_report', '') r ON l.linked_table = 'esg_report'
        AND starts_with(r.root_key, l.linked_key)
    UNION ALL SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _reference_of_compute_trend('compute_growth', '') r ON l.linked_table = 'compute_growth'
        AND starts_with(r.root_key, l.linked_key)
    UNION ALL SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _reference_of_petaday('build_adapt_buy', '') r ON l.linked_table = 'build_adapt_buy'
        AND starts_with(r.root_key, l.linked_key);
COMMENT ON MACRO TABLE _reference_of_verdict IS
    'The claims, and the reference facts that the decisions they are held against took.';

CREATE OR REPLACE MACRO _observation_of_verdict(of_table, of_key) AS TABLE
    SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _observation_of_east_west('east_west', '') r ON l.linked_table = 'east_west'
        AND starts_with(r.root_key, l.linked_key)
    UNION ALL BY NAME SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _observation_of_esg_report('esg_report', '') r ON l.linked_table = 'esg_report'
        AND starts_with(r.root_key, l.linked_key)
    UNION ALL BY NAME SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _observation_of_compute_trend('compute_growth', '') r ON l.linked_table = 'compute_growth'
        AND starts_with(r.root_key, l.linked_key)
    UNION ALL BY NAME SELECT l.root_key, r.* EXCLUDE (root_key)
    FROM _linked_verdict(of_table, of_key) l
    JOIN _observation_of_petaday('build_adapt_buy', '') r ON l.linked_table = 'build_adapt_buy'
        AND starts_with(r.root_key, l.linked_key);
COMMENT ON MACRO TABLE _observation_of_verdict IS 'Observed rows behind the decisions that claims are held against.';
