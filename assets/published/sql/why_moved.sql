-- Why an estimate differs at a later date, in another place, on other hardware or by another method: an exact split
-- (logarithmic mean Divisia index, LMDI-I).
CREATE OR REPLACE MACRO why_moved(estimate, from_at, to_at := TIMESTAMPTZ '-infinity', from_method := NULL,
        to_method := NULL, to_accelerator := NULL, to_provider := NULL, to_region := NULL, utilization_to := NULL,
        boundary := NULL, known_at := TIMESTAMPTZ 'infinity', estimates_in := 'estimated',
        scenarios_in := 'reference') AS TABLE
    WITH asked AS (
        SELECT [estimate::VARCHAR, to_accelerator::VARCHAR, to_provider::VARCHAR, to_region::VARCHAR] AS given_names,
            [CASE WHEN estimates_in = 'estimated' THEN _asked_movable('estimate', estimate)
                    ELSE estimate::VARCHAR END,
                _asked_card('to_accelerator', to_accelerator), _asked_provider('to_provider', to_provider),
                _asked_place('to_region', to_region, to_provider)] AS known_names),
    market_offer AS (FROM cloud_offer_known(known_at := _instant(known_at))),
    grid_year AS (FROM grid_carbon_span_known(known_at := _instant(known_at))),
    moved AS (
        FROM _moved_scenario(estimate, 'market_offer', 'grid_year', from_at, to_at := to_at,
            from_method := from_method, to_method := to_method, to_accelerator := to_accelerator,
            to_provider := to_provider, to_region := to_region,
            utilization_to := _asked_number('utilization_to', utilization_to, 1e-9, 1),
            boundary := _asked_boundary(boundary), estimates_in := estimates_in, scenarios_in := scenarios_in)
        UNION ALL
        FROM _moved_offer(estimate, NULL, NULL, 'market_offer', 'grid_year', from_at, to_at := to_at,
            to_provider := to_provider, to_region := to_region, to_accelerator := to_accelerator,
            utilization_to := _asked_number('utilization_to', utilization_to, 1e-9, 1))
        UNION ALL
        FROM _moved_petaday(estimate, 'market_offer', from_at, to_at := to_at, to_accelerator := to_accelerator,
            utilization_to := _asked_number('utilization_to', utilization_to, 1e-9, 1)))
    SELECT a.quantity, a.part, a.value_from, a.value_to, a.moved_by, a.total_from, a.total_to, a.from_version,
        a.to_version, a.reason
    FROM (
        FROM _split_of_move('moved')
        -- Never a row: a name that is not known is an error here, even where nothing moved.
        UNION ALL BY NAME SELECT q.given_names[1] AS quantity
        FROM asked q WHERE q.given_names IS DISTINCT FROM q.known_names) a
    ORDER BY a.quantity, a.part = 'total', abs(a.moved_by) DESC, a.part;
COMMENT ON MACRO TABLE why_moved IS
    'Why an estimate differs between from_at and to_at, in money, energy and carbon: parts for hardware (GPU-hours at '
    'full use), utilisation, price at constant exchange rates, exchange rate, power, PUE, grid and method (hours and '
    'energy by to_method over those by from_method), which add up exactly to the change (LMDI-I, Ang 2005). estimate '
    'is a bundled scenario of training, fine_tuning, serving, service or fleet, a row of siting '
    '(scenario/provider/region/accelerator/purchase) or of petaday_history (scenario/accelerator/purchase). The price '
    'is the median of the offers that the estimate takes, of a place its cheapest offer; what the scenario states '
    'stays as it is; grid: the year that stands for the date (see year_rank) on one boundary, that of the estimate '
    'unless named. to_accelerator, '
    'to_provider, to_region and utilization_to move the job; of a service the other card works by the roofline of its '
    'method, of a fleet a word takes time by the bandwidth of its memory and a server power by its board power (as '
    '[fleet] with measured_accelerator), and of a service as measured only the hours stay. NULL where a factor is not '
    'known, with the reason. Your own scenario: petaday estimate with [why_moved] scenario = "file.toml", which puts '
    'its estimate where estimates_in and scenarios_in say. why_moved(''gpt-3-175b-h100'', DATE ''2024-01-01'', to_at '
    ':= DATE ''2026-01-01'').';

-- The same for a job that is not a scenario, at named offers.
CREATE OR REPLACE MACRO why_rate_moved(from_provider, from_instance_type, from_at, to_at := TIMESTAMPTZ '-infinity',
        from_region := NULL, purchase := 'on_demand', to_provider := NULL, to_instance_type := NULL, to_region := NULL,
        gpu_hours := NULL, flop := NULL, utilization_from := NULL, utilization_to := NULL,
        known_at := TIMESTAMPTZ 'infinity', boundary := 'lifecycle') AS TABLE
    WITH market_offer AS (FROM cloud_offer_known(known_at := _instant(known_at))),
    grid_year AS (FROM grid_carbon_span_known(known_at := _instant(known_at))),
    moved AS (
        FROM _moved_offer(NULL, from_provider, from_instance_type, 'market_offer', 'grid_year', from_at, to_at := to_at,
            of_region := from_region, purchase := purchase, to_provider := to_provider,
            to_instance_type := to_instance_type, to_region := to_region, gpu_hours := gpu_hours, flop := flop,
            utilization_from := utilization_from,
            utilization_to := _asked_number('utilization_to', utilization_to, 1e-9, 1),
            boundary := _asked_boundary(boundary)))
    SELECT a.quantity, a.part, a.value_from, a.value_to, a.moved_by, a.total_from, a.total_to, a.reason
    FROM _split_of_move('moved') a ORDER BY a.quantity, a.part = 'total', abs(a.moved_by) DESC, a.part;
COMMENT ON MACRO TABLE why_rate_moved IS
    'Why the cost and emissions of a job differ between from_at and to_at: parts for hardware (GPU-hours at peak), '
    'utilisation, price in its own currency, exchange rate, power, PUE and grid, which add up exactly to the change '
    '(LMDI-I). The job is given as gpu_hours or flop; to_provider, to_instance_type and to_region move it. NULL where '
    'a factor is not known, with the reason. why_rate_moved(''aws'', ''p5.48xlarge'', DATE ''2025-06-01'', DATE '
    '''2025-07-01'', gpu_hours := 1000).';
