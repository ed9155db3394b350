-- Skewed factors: bands of their products and sums. The logarithm of a factor is a two-piece normal with a step `down` below its median
-- and one `up` above it, in sigmas, and its median lies `shift` from ln(central). Of a product the mean, variance and third cumulant of
-- the logarithm are the sums of those of its factors, which is exact; the product is then taken for the two-piece normal that has the same three.
CREATE OR REPLACE MACRO two_piece(sigma_below, sigma_above) AS
    {'shift': 0.0::DOUBLE, 'down': sigma_below::DOUBLE, 'up': sigma_above::DOUBLE};
COMMENT ON MACRO two_piece IS '1; step of ln(result) that one factor causes, from its sigmas below and above; JCGM 101:2008 6.4, derived';

CREATE OR REPLACE MACRO two_piece_mean(step) AS step.shift + (step.up - step.down) / sqrt(2 * pi());
COMMENT ON MACRO two_piece_mean IS '1; mean of ln(x) for two half-normals of equal probability; derived';

CREATE OR REPLACE MACRO two_piece_third_cumulant(step) AS sqrt(2 / pi()) * (step.up - step.down)
    * ((step.down ** 2 + step.up ** 2) / 4 + step.down * step.up + (step.up - step.down) ** 2 / (2 * pi()));
COMMENT ON MACRO two_piece_third_cumulant IS '1; third central moment of ln(x) for two half-normals of equal probability; derived';

CREATE OR REPLACE MACRO two_piece_lean(skewness) AS list_reduce([skewness * sqrt(pi() / 2) / 3] || list_resize([skewness], 8, skewness),
    lambda lean, wanted: lean - (sqrt(2 / pi()) * (3 * lean + (4 / pi() - 1) * lean ** 3) / sqrt(1 + (1 - 2 / pi()) * lean ** 2) ** 3 - wanted)
    * sqrt(1 + (1 - 2 / pi()) * lean ** 2) ** 5 / (3 * sqrt(2 / pi()) * (1 + (8 / pi() - 3) * lean ** 2)));
COMMENT ON MACRO two_piece_lean IS '1; (up - down) / (up + down) of the two-piece normal of this skewness, by Newton''s method, whose steps near the root from one side; derived';

CREATE OR REPLACE MACRO two_piece_of(mean, variance, third_cumulant) AS list_transform(
    [{'mean': mean, 'variance': variance, 'lean': CASE WHEN variance > 0
        THEN greatest(-1, least(1, two_piece_lean(third_cumulant / sqrt(variance) ** 3))) ELSE 0 END}],
    lambda m: list_transform([sqrt(m.variance / (1 + (1 - 2 / pi()) * m.lean ** 2))],
        lambda s: {'shift': m.mean - sqrt(2 / pi()) * s * m.lean, 'down': s * (1 - m.lean), 'up': s * (1 + m.lean)})[1])[1];
COMMENT ON MACRO two_piece_of IS '1; the two-piece normal of this mean, variance and third cumulant; derived';

CREATE OR REPLACE MACRO product_of_steps(steps) AS list_transform([steps], lambda all_steps: two_piece_of(
    coalesce(list_sum(list_transform(all_steps, lambda f: two_piece_mean(f))), 0.0),
    coalesce(list_sum(list_transform(all_steps, lambda f: two_piece_variance(f.down, f.up))), 0.0),
    coalesce(list_sum(list_transform(all_steps, lambda f: two_piece_third_cumulant(f))), 0.0)))[1];
COMMENT ON MACRO product_of_steps IS '1; step of a product of independent factors, from their steps: exact for one factor and for log-normals, else near it (see the manual); JCGM 100:2008 G.2, derived';

CREATE OR REPLACE MACRO normal_nodes() AS list_transform(range(-10, 11), lambda i: 0.4 * i);
COMMENT ON MACRO normal_nodes IS '1; nodes of the trapezoidal rule over the standard normal, 4 sigmas to either side; derived';

CREATE OR REPLACE MACRO normal_node_pair_weights() AS list_transform([list_transform(normal_nodes(), lambda z: exp(-z * z / 2))],
    lambda w: flatten(list_transform(w, lambda a: list_transform(w, lambda b: a * b / list_sum(w) ** 2))))[1];
COMMENT ON MACRO normal_node_pair_weights IS '1; weights of all pairs of normal_nodes; derived';

CREATE OR REPLACE MACRO two_piece_values(central, step) AS list_transform(normal_nodes(),
    lambda z: central * exp(step.shift + z * CASE WHEN z < 0 THEN step.down ELSE step.up END));
COMMENT ON MACRO two_piece_values IS 'unit of central; what is told by a step, at normal_nodes; derived';

CREATE OR REPLACE MACRO sum_of_steps(central_a, step_a, central_b, step_b) AS CASE WHEN central_b = 0 THEN step_a WHEN central_a = 0 THEN step_b
    WHEN central_a + central_b > 0 THEN list_transform([{
        'a': two_piece_values(central_a / (central_a + central_b), step_a), 'b': two_piece_values(central_b / (central_a + central_b), step_b),
        -- A subquery, as it is computed once and not for every row.
        'weights': (SELECT normal_node_pair_weights())}],
    lambda v: list_transform([flatten(list_transform(v.a, lambda x: list_transform(v.b, lambda y: ln(x + y))))],
    lambda logs: list_transform([{
        'one': list_dot_product(logs, v.weights), 'two': list_dot_product(list_transform(logs, lambda x: x * x), v.weights),
        'three': list_dot_product(list_transform(logs, lambda x: x * x * x), v.weights)}],
    lambda m: two_piece_of(m.one, m.two - m.one ** 2, m.three - 3 * m.one * m.two + 2 * m.one ** 3))[1])[1])[1] END;
COMMENT ON MACRO sum_of_steps IS '1; step of ln(a + b) of two independent parts with their steps, NULL where nothing is added; JCGM 101:2008 5.9, derived';

CREATE OR REPLACE MACRO low_of_step(central, step) AS central * exp(least(0.0, step.shift - band_z() * step.down));
COMMENT ON MACRO low_of_step IS 'unit of central; p5 of a result with this step, at most the central value; NIST DLMF 7.17';

CREATE OR REPLACE MACRO high_of_step(central, step) AS central * exp(greatest(0.0, step.shift + band_z() * step.up));
COMMENT ON MACRO high_of_step IS 'unit of central; p95 of a result with this step, at least the central value; NIST DLMF 7.17';
