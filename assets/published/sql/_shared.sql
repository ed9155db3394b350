-- Macros that others use (created first): probabilities from bands, defaults, the newest method.
CREATE OR REPLACE MACRO normal_tail(x) AS
    exp(-x * x / 2) / sqrt(2 * pi()) * (1 / (1 + 0.2316419 * x))
        * (0.319381530 + (1 / (1 + 0.2316419 * x))
        * (-0.356563782 + (1 / (1 + 0.2316419 * x))
            * (1.781477937 + (1 / (1 + 0.2316419 * x)) * (-1.821255978 + (1 / (1 + 0.2316419 * x)) * 1.330274429))));
COMMENT ON MACRO normal_tail IS
    '1; part of the standard normal above x >= 0, within 7.5e-8; Abramowitz and Stegun 26.2.17';

CREATE OR REPLACE MACRO normal_cdf(x) AS
    CASE WHEN x = 0 THEN 0.5 WHEN x > 0 THEN 1 - normal_tail(abs(x)) ELSE normal_tail(abs(x)) END;
COMMENT ON MACRO normal_cdf IS '1; standard normal distribution function, within 7.5e-8; Abramowitz and Stegun 26.2.17';

CREATE OR REPLACE MACRO _normal_levels() AS
    [-2.153875, -1.675940, -1.417797, -1.229859, -1.077516, -0.946782, -0.830511, -0.724514, -0.626099, -0.533410,
        -0.445097, -0.360130, -0.277690, -0.197099, -0.117770, -0.039176, 0.039176, 0.117770, 0.197099, 0.277690,
        0.360130, 0.445097, 0.533410, 0.626099, 0.724514, 0.830511, 0.946782, 1.077516, 1.229859, 1.417797, 1.675940,
        2.153875]::DOUBLE[];
COMMENT ON MACRO _normal_levels IS
    '1; standard normal quantiles at the middles of 32 equally likely levels; NIST DLMF 7.17 (inverse error function)';

-- How far the narrower of the two lies from the other at each level, in sigmas of the side of the other that it is on.
CREATE OR REPLACE MACRO _in_sigmas_of(central_wide, central_narrow, down_wide, up_wide, down_narrow, up_narrow) AS
    list_transform(list_transform(_normal_levels(),
            lambda z: ln(central_narrow / central_wide) + z * CASE WHEN z < 0 THEN down_narrow ELSE up_narrow END),
        lambda x: CASE WHEN x = 0 THEN 0.0 ELSE x / CASE WHEN x < 0 THEN down_wide ELSE up_wide END END);
COMMENT ON MACRO _in_sigmas_of IS
    '1; distances of one two-piece log-normal, at 32 equally likely levels, from the central value of another, in '
    'sigmas of the other; derived';

-- The mean over the levels of the narrower of the distribution function of the other, which is smooth: within 0.003 of
-- the integral (within 0.01 where a band has no width on one side). Where only one of them varies it is exact. abs(1 -
-- p) is the share above.
CREATE OR REPLACE MACRO probability_below(central_a, central_b, square_down_a, square_up_a, square_down_b,
        square_up_b) AS
    CASE WHEN central_a IS NULL OR central_b IS NULL OR square_down_a IS NULL OR square_down_b IS NULL THEN NULL
        WHEN central_a <= 0 OR central_b <= 0
            THEN CASE WHEN central_a < central_b THEN 1.0 WHEN central_a > central_b THEN 0.0 ELSE 0.5 END
        ELSE abs(
            CASE WHEN greatest(square_down_b, square_up_b) > greatest(square_down_a, square_up_a) THEN 1 ELSE 0 END
            - list_avg(list_transform(
                    CASE WHEN greatest(square_down_b, square_up_b) > greatest(square_down_a, square_up_a)
                            THEN _in_sigmas_of(central_b, central_a, sqrt(square_down_b), sqrt(square_up_b),
                                sqrt(square_down_a), sqrt(square_up_a))
                        ELSE _in_sigmas_of(central_a, central_b, sqrt(square_down_a), sqrt(square_up_a),
                            sqrt(square_down_b), sqrt(square_up_b)) END,
                    lambda t: normal_cdf(t)))) END;
COMMENT ON MACRO probability_below IS
    'share; probability that A lies below B, two-piece log-normals given by central values and the squared sigmas of '
    'the factors that they do not share; JCGM 101:2008, derived';

CREATE OR REPLACE MACRO log_mean(a, b) AS
    CASE WHEN a <= 0 OR b <= 0 THEN NULL
        -- For nearly equal arguments the quotient loses digits to cancellation: a series about the geometric mean is
        -- used.
        WHEN abs(ln(a / b)) < 1e-3
            THEN a::DOUBLE * sqrt(b::DOUBLE / a) * (1 + ln(a / b) ** 2 / 24 + ln(a / b) ** 4 / 1920)
        ELSE (a - b) / ln(a / b) END;
COMMENT ON MACRO log_mean IS
    'unit of a; logarithmic mean of two positive numbers; Ang 2005, doi:10.1016/j.enpol.2003.10.010';

CREATE OR REPLACE MACRO moved_by(value_from, value_to, total_from, total_to) AS
    CASE WHEN value_from > 0 AND value_to > 0 THEN log_mean(total_to, total_from) * ln(value_to / value_from) END;
COMMENT ON MACRO moved_by IS
    'unit of the total; contribution of one factor to the change of a product, NULL where it is not above 0; Ang 2005, '
    'doi:10.1016/j.enpol.2003.10.010 (LMDI-I)';

CREATE OR REPLACE MACRO _parts_of_move(kind) AS
    ['hardware', 'utilization'] || CASE kind WHEN 'rental' THEN ['price', 'exchange_rate']
        WHEN 'electricity' THEN ['power', 'pue', 'price', 'exchange_rate'] WHEN 'energy' THEN ['power', 'pue']
        WHEN 'carbon' THEN ['power', 'pue', 'grid'] END || ['method'];
COMMENT ON MACRO _parts_of_move IS
    'Names of the factors whose product is the quantity: rental cost, electricity cost, energy or carbon.';

CREATE OR REPLACE MACRO _both_reasons(one, other) AS
    CASE WHEN one IS DISTINCT FROM other THEN nullif(concat_ws('; ', one, other), '') ELSE one END;
COMMENT ON MACRO _both_reasons IS
    'Two reasons joined into one text, without repeating equal ones; NULL if there is none.';

CREATE OR REPLACE MACRO _toml_text(definition, name) AS
    nullif(regexp_extract(definition, '(?:^|\n)' || name || '\s*=\s*"([^"\n]*)"', 1), '');
COMMENT ON MACRO _toml_text IS 'Text of a key in the TOML of reference.scenario; NULL where it is not stated.';

CREATE OR REPLACE MACRO _toml_number(definition, name) AS
    try_cast(replace(regexp_extract(definition, '(?:^|\n)' || name || '\s*=\s*([-+0-9._eE]+)', 1), '_', '') AS DOUBLE);
COMMENT ON MACRO _toml_number IS 'Number of a key in the TOML of reference.scenario; NULL where it is not stated.';

CREATE OR REPLACE MACRO _newest_method(method_version) AS
    max_by(method_version, (length(method_version), method_version));
COMMENT ON MACRO _newest_method IS 'The newest of method versions such as training-9 and training-10.';

CREATE OR REPLACE MACRO _asked_factor(given, known_factors, listed_in) AS
    _asked_name('of_factor', given::VARCHAR, list_contains(known_factors, given::VARCHAR),
        nullif(list_sort(list_filter(known_factors, lambda known:
            jaro_winkler_similarity(known, lower(given::VARCHAR)) > 0.85))[:3], []), listed_in);
COMMENT ON MACRO _asked_factor IS
    'A factor that was given, or NULL; one that has no default is an error that names the closest.';

-- Macros of this folder ask for what they know to be there by _decision_default and _method_band: checking a name
-- doubled the time in which siting is planned (0.8 s to 1.5 s, measured).
CREATE OR REPLACE MACRO _decision_default(of_factor, of_provider := 'any') AS TABLE
    WITH asked AS (SELECT of_factor::VARCHAR AS asked_factor, lower(of_provider::VARCHAR) AS asked_provider)
    SELECT d.low, d.central, d.high, d.unit, d.source_url, d.note FROM reference.decision_default d
    JOIN asked q ON d.factor = q.asked_factor AND d.applies_to = q.asked_provider
    QUALIFY row_number() OVER (ORDER BY length(d.method_version) DESC, d.method_version DESC) = 1;
COMMENT ON MACRO TABLE _decision_default IS 'decision_default, without an error for a factor that is not known.';

CREATE OR REPLACE MACRO _method_band(of_factor) AS TABLE
    WITH asked AS (SELECT of_factor::VARCHAR AS asked_factor)
    SELECT d.low, d.central, d.high, d.method_version
    FROM reference.method_default d JOIN asked q ON d.factor = q.asked_factor
    QUALIFY row_number() OVER (ORDER BY length(d.method_version) DESC, d.method_version DESC) = 1;
COMMENT ON MACRO TABLE _method_band IS 'method_band, without an error for a factor that is not known.';

CREATE OR REPLACE MACRO decision_default(of_factor, of_provider := 'any') AS TABLE
    WITH asked AS (SELECT of_factor::VARCHAR AS asked_factor, of_provider::VARCHAR AS asked_provider),
    known AS (
        SELECT _asked_factor(q.asked_factor, k.known_factors, 'reference.decision_default') AS known_factor,
            q.asked_provider
        FROM asked q
        CROSS JOIN (SELECT list(DISTINCT f.factor) AS known_factors FROM reference.decision_default f) k)
    SELECT d.* FROM known n, LATERAL (FROM _decision_default(n.known_factor, of_provider := n.asked_provider)) d;
COMMENT ON MACRO TABLE decision_default IS
    'Default of a factor of the decision macros, with its band and source. decision_default(''life_years'').';

CREATE OR REPLACE MACRO method_band(of_factor) AS TABLE
    WITH asked AS (SELECT of_factor::VARCHAR AS asked_factor),
    known AS (
        SELECT _asked_factor(q.asked_factor, k.known_factors, 'reference.method_default') AS known_factor
        FROM asked q
        CROSS JOIN (SELECT list(DISTINCT f.factor) AS known_factors FROM reference.method_default f) k)
    SELECT d.* FROM known n, LATERAL (FROM _method_band(n.known_factor)) d;
COMMENT ON MACRO TABLE method_band IS 'The band of a factor by the newest method. method_band(''pue'').';

-- '-infinity' is the default and stands for now: DuckDB evaluates a default of now() once, when the macro is
-- created.
CREATE OR REPLACE MACRO _asked_instant(instant) AS
    CASE WHEN _instant(instant) = TIMESTAMPTZ '-infinity' THEN now() ELSE _instant(instant) END;
COMMENT ON MACRO _asked_instant IS
    'The instant of a question: now if none is given; NULL if the given one is NULL.';

-- A typing error would be answered with no row, a number that cannot be with a result that looks right: neither is what
-- was asked.
CREATE OR REPLACE MACRO _asked_word(name, given, allowed) AS
    CASE WHEN given::VARCHAR IS NULL OR list_contains(allowed, given::VARCHAR) THEN given::VARCHAR
        ELSE error(name || ': ' || given::VARCHAR || ' given; allowed is ' || array_to_string(allowed, ', ')) END;
COMMENT ON MACRO _asked_word IS
    'A word that was given, or NULL; anything but an allowed one is an error that says what is allowed.';

CREATE OR REPLACE MACRO _asked_purchase(name, given) AS
    _asked_word(name, given, ['on_demand', 'spot', 'reserved_1y', 'reserved_3y', 'capacity_block']);
COMMENT ON MACRO _asked_purchase IS 'A purchase option that was given, or NULL; anything else is an error.';

CREATE OR REPLACE MACRO _asked_boundary(given) AS
    _asked_word('boundary', given, ['direct', 'lifecycle', 'unconfirmed']);
COMMENT ON MACRO _asked_boundary IS 'A boundary of carbon that was given, or NULL; anything else is an error.';

CREATE OR REPLACE MACRO _asked_number(name, given, lowest, highest) AS
    CASE WHEN given::DOUBLE IS NULL OR given::DOUBLE BETWEEN lowest AND highest THEN given::DOUBLE
        ELSE error(name || ': ' || given::VARCHAR || ' given; allowed is a number from '
            || format('{:g}', lowest::DOUBLE) || ' to ' || format('{:g}', highest::DOUBLE)) END;
COMMENT ON MACRO _asked_number IS
    'A number that was given, or NULL; one outside the bounds is an error that says what is allowed.';

-- What a name means, as in request_cost: the same spelling, or the same model under another name (with the day of a
-- snapshot, with "instruct"), but no variant (:free), nor another day than the one that is asked for.
CREATE OR REPLACE MACRO _listing_meant(model_name) AS TABLE
    WITH given AS (SELECT model_name::VARCHAR AS asked_name),
    asked AS (
        SELECT model_listing(g.asked_name) AS asked_listing, model_key(g.asked_name) AS asked_key,
            model_snapshot(g.asked_name) AS asked_snapshot
        FROM given g)
    SELECT m.model AS named_model, model_listing(m.model) = q.asked_listing AS is_spelled
    FROM observed.token_model m CROSS JOIN asked q LEFT JOIN observed.model_name n ON n.name_key = q.asked_key
    WHERE model_listing(m.model) = q.asked_listing
        OR (coalesce(m.model_id, m.model_key) = coalesce(n.model_id, q.asked_key) AND q.asked_key <> ''
            AND may_mean_listing(q.asked_listing, q.asked_snapshot, model_listing(m.model)));
COMMENT ON MACRO TABLE _listing_meant IS
    'The names under which token prices list the model that a name may stand for, and whether one is spelled as it is, '
    'but for case and punctuation.';
