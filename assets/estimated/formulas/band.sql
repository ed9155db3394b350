-- Bands: low, central and high are p5, p50 and p95. A side of a band is a log-normal step sigma from the central value;
-- sides may differ (a two-piece log-normal, half of the probability on each side).
CREATE OR REPLACE MACRO band_z() AS 1.6448536269514722;
COMMENT ON MACRO band_z IS '1; standard normal quantile of 0.95; NIST DLMF 7.17 (inverse error function)';

CREATE OR REPLACE MACRO lognormal_sigma(central, bound) AS abs(ln(bound / central)) / band_z();
COMMENT ON MACRO lognormal_sigma IS '1; sigma of ln(x) on the side of a p5 or p95 bound; Limpert et al. 2001, doi:10.1641/0006-3568(2001)051[0341:LNDATS]2.0.CO;2';

CREATE OR REPLACE MACRO sigma_down(central, bound_a, bound_b) AS
    greatest(0.0, ln(central / bound_a), ln(central / bound_b)) / band_z();
COMMENT ON MACRO sigma_down IS '1; sigma below the central value of a result, from its values at the two bounds of one factor (so a divisor swaps the sides); Limpert et al. 2001, doi:10.1641/0006-3568(2001)051[0341:LNDATS]2.0.CO;2';

CREATE OR REPLACE MACRO sigma_up(central, bound_a, bound_b) AS
    greatest(0.0, ln(bound_a / central), ln(bound_b / central)) / band_z();
COMMENT ON MACRO sigma_up IS '1; sigma above the central value of a result, from its values at the two bounds of one factor; Limpert et al. 2001, doi:10.1641/0006-3568(2001)051[0341:LNDATS]2.0.CO;2';

CREATE OR REPLACE MACRO band_low(central, sigma_square_sum) AS central * exp(-band_z() * sqrt(sigma_square_sum));
COMMENT ON MACRO band_low IS 'unit of central; p5 of a product of independent factors, from the sum of their squared sigmas below: exact for log-normals, each side combined by itself for two-piece ones; JCGM 100:2008 5.1.2';

CREATE OR REPLACE MACRO band_high(central, sigma_square_sum) AS central * exp(band_z() * sqrt(sigma_square_sum));
COMMENT ON MACRO band_high IS 'unit of central; p95 of a product of independent factors, from the sum of their squared sigmas above: exact for log-normals, each side combined by itself for two-piece ones; JCGM 100:2008 5.1.2';

CREATE OR REPLACE MACRO two_piece_variance(sigma_below, sigma_above) AS
    (sigma_below * sigma_below + sigma_above * sigma_above) / 2
    - (sigma_above - sigma_below) * (sigma_above - sigma_below) / (2 * pi());
COMMENT ON MACRO two_piece_variance IS '1; variance of ln(x) for two half-normals of equal probability; second moment less squared mean, derived';

CREATE OR REPLACE MACRO variance_share(variance, variance_sum) AS
    CASE WHEN variance_sum > 0 THEN variance / variance_sum END;
COMMENT ON MACRO variance_share IS 'share; part of the variance of ln(result) that one independent factor causes, NULL where nothing varies; JCGM 100:2008 5.1.2';
