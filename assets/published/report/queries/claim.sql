-- Every figure that is quoted for a bundled scenario, held against its estimate: where it holds and where it fails.
SELECT article_point, claim_id, claim, scenario_id, quantity, claimed_low, claimed_high, low, central, high, unit,
    verdict, holds_where, fails_where, method_version, source_url, is_bundled
FROM estimated.scenario_verdict ORDER BY article_point, claim_id
