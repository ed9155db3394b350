-- Train a model, adapt an open one, or pay per token: from which volume the first two pay back, month by month.
CREATE OR REPLACE MACRO _bought_token_price(model_name, of_vendor := NULL, from_on := DATE '1970-01-01',
        to_on := DATE '9999-12-31', output_share := 0.5, known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT lower(_asked_vendor('buy_vendor', of_vendor)) AS asked_vendor,
            from_on::TIMESTAMP AS asked_from, to_on::TIMESTAMP AS asked_to,
            _asked_number('output_share', output_share, 0, 1) AS asked_share),
    -- The listings that the name may stand for, as in token_price_of.
    named AS (SELECT l.* FROM _listing_meant(_asked_sold_model('buy_model', model_name)) l),
    price AS (
        SELECT t.*, w.is_spelled, lead(t.price_usd_per_mtok) OVER of_offer AS later_usd_per_mtok,
            lag(t.price_usd_per_mtok) OVER of_offer AS earlier_usd_per_mtok
        FROM token_price_known(known_at := _instant(known_at)) t CROSS JOIN asked q
        JOIN named w ON w.named_model = t.model
        WHERE (q.asked_vendor IS NULL OR q.asked_vendor IN (lower(t.vendor), lower(t.vendor_id)))
            AND t.direction IN ('input', 'output') AND t.service_tier = 'standard'
            AND t.context_tier_from_tokens = 0 AND t.time_window = '' AND t.price_usd_per_mtok > 0
        WINDOW of_offer AS (PARTITION BY t.source_id, t.scope, t.vendor, t.model, t.direction, t.region
            ORDER BY t.valid_from NULLS FIRST)),
    -- Prices without a known start do not extend the history.
    month AS (
        SELECT unnest(range(date_trunc('month',
                    greatest(min(p.valid_from AT TIME ZONE 'UTC'), any_value(q.asked_from))),
                least(max(coalesce(p.valid_to, now()) AT TIME ZONE 'UTC'), now() AT TIME ZONE 'UTC',
                    any_value(q.asked_to) + INTERVAL 1 DAY), INTERVAL 1 MONTH)) AS month_on
        FROM price p CROSS JOIN asked q),
    in_force AS (
        SELECT m.month_on::DATE AS month_on, p.*,
            list({'source_id': p.source_id, 'price': p.price_usd_per_mtok}) OVER (PARTITION BY m.month_on, p.vendor_id,
                model_listing(p.model), p.direction, p.region) AS said
        FROM month m
        JOIN price p ON p.valid_from < least((m.month_on + INTERVAL 1 MONTH) AT TIME ZONE 'UTC', now())
            AND (p.valid_to IS NULL OR p.valid_to >= least((m.month_on + INTERVAL 1 MONTH) AT TIME ZONE 'UTC', now()))
        -- A vendor that sells the name as it is spelled does so.
        QUALIFY p.is_spelled OR NOT bool_or(p.is_spelled) OVER (PARTITION BY m.month_on, p.vendor_id)),
    -- Input and output price come from the same seller and source; those of different sellers are never combined.
    offered AS (
        SELECT f.month_on, f.vendor, f.model, f.region, f.source_id, f.scope, f.is_spelled,
            max(f.price_usd_per_mtok) FILTER (f.direction = 'input') AS input_usd_per_mtok,
            max(f.price_usd_per_mtok) FILTER (f.direction = 'output') AS output_usd_per_mtok,
            bool_or(is_outvoted(f.price_usd_per_mtok, f.later_usd_per_mtok, f.said)
                OR is_behind(f.price_usd_per_mtok, f.earlier_usd_per_mtok, f.said)) AS is_doubted,
            bool_or(f.is_bundled) AS is_bundled
        FROM in_force f GROUP BY ALL),
    mixed AS (
        SELECT o.*, o.input_usd_per_mtok * (1 - q.asked_share) + o.output_usd_per_mtok * q.asked_share AS usd_per_mtok
        FROM offered o CROSS JOIN asked q)
    SELECT x.month_on, x.vendor, x.model, x.input_usd_per_mtok, x.output_usd_per_mtok, x.usd_per_mtok,
        x.source_id AS source_ids, x.is_bundled
    FROM mixed x
    QUALIFY row_number() OVER (PARTITION BY x.month_on ORDER BY x.usd_per_mtok IS NULL, x.is_doubted,
        x.region <> 'global', NOT x.is_spelled, source_rank(x.source_id), x.usd_per_mtok, x.vendor, x.model,
        x.source_id, x.scope) = 1
    ORDER BY x.month_on;
COMMENT ON MACRO TABLE _bought_token_price IS
    'USD per million tokens of a model at the end of each month of its price history (standard tier, base context), '
    'and of a mix with output_share output tokens: both prices of one seller, by the best source that is neither '
    'outvoted nor behind (see token_price_of), of several sellers the cheapest; offers at no price are left out. '
    '_bought_token_price(''gpt-4'').';

CREATE OR REPLACE MACRO build_adapt_buy(buy_model := 'gpt-4', buy_vendor := NULL, build_model := 'gpt-3-175b',
        adapt_model := 'llama-65b', adapt_tokens := 1e8, is_full_adaptation := false, accelerator := 'A100',
        own_tokens_per_s_per_gpu := NULL, own_tokens_low := NULL, own_tokens_high := NULL, own_parameters := 70e9,
        output_share := 0.5, from_on := DATE '1970-01-01', to_on := DATE '9999-12-31',
        known_at := TIMESTAMPTZ 'infinity') AS TABLE
    WITH asked AS (
        SELECT model_key(_asked_model('build_model', build_model)) AS build_key,
            model_key(_asked_model('adapt_model', adapt_model)) AS adapt_key,
            _asked_number('adapt_tokens', adapt_tokens, 0, 1e18) AS tokens, is_full_adaptation::BOOLEAN AS is_full,
            _asked_number('own_tokens_per_s_per_gpu', own_tokens_per_s_per_gpu, 1e-6, 1e12) AS own_speed,
            _asked_number('own_tokens_low', own_tokens_low, 1e-6,
                coalesce(own_tokens_per_s_per_gpu::DOUBLE, 1e12)) AS own_speed_low,
            _asked_number('own_tokens_high', own_tokens_high, coalesce(own_tokens_per_s_per_gpu::DOUBLE, 1e-6),
                1e12) AS own_speed_high,
            _asked_number('own_parameters', own_parameters, 1, 1e18) AS own_size),
    way AS (
        SELECT 'build' AS way, m.model_id, coalesce(m.active_parameters_count, m.parameters_count) AS parameters,
            coalesce(m.training_flop, training_flop(coalesce(m.active_parameters_count, m.parameters_count),
                    m.training_tokens_count, m.flop_per_parameter_token)) AS flop
        FROM reference.model m
        WHERE m.model_id = (SELECT n.model_id FROM observed.model_name n JOIN asked q ON n.name_key = q.build_key)
        UNION ALL
        SELECT 'adapt', m.model_id, coalesce(m.active_parameters_count, m.parameters_count),
            fine_tuning_flop(coalesce(m.active_parameters_count, m.parameters_count), q.tokens,
                CASE WHEN q.is_full THEN coalesce(m.active_parameters_count, m.parameters_count) ELSE 0 END)
        FROM reference.model m CROSS JOIN asked q
        WHERE m.model_id = (SELECT n.model_id FROM observed.model_name n WHERE n.name_key = q.adapt_key)),
    -- The last day of the index in the month; of several accelerators that the name means, the one with the cheapest
    -- petaday.
    petaday AS (
        SELECT date_trunc('month', h.index_on)::DATE AS month_on, h.* EXCLUDE (is_bundled),
            h.is_bundled AS is_rate_bundled
        FROM petaday_history(accelerator := accelerator, known_at := _instant(known_at)) h
        QUALIFY row_number() OVER (PARTITION BY date_trunc('month', h.index_on)
            ORDER BY h.index_on DESC, h.cost_usd, h.accelerator_id) = 1),
    band AS (
        SELECT lognormal_sigma(u.central, u.low) AS hours_up, lognormal_sigma(u.central, u.high) AS hours_down
        FROM _method_band('utilization_share') u),
    stated AS (
        SELECT b.month_on, q.own_speed, b.vendor, b.model AS buy_model, b.usd_per_mtok AS buy, b.source_ids, b.is_bundled
            OR coalesce(p.is_rate_bundled, false) AS is_bundled, w.*, p.accelerator_id, p.median_usd_per_gpu_hour,
            pf_days(w.flop) * p.cost_usd AS fixed, p.price_down, p.price_up, d.hours_down, d.hours_up,
            usd_per_mtok(p.median_usd_per_gpu_hour, q.own_speed * q.own_size / w.parameters * 3600) AS own,
            lognormal_sigma(q.own_speed, coalesce(q.own_speed_high, q.own_speed)) AS serving_down,
            lognormal_sigma(q.own_speed, coalesce(q.own_speed_low, q.own_speed)) AS serving_up
        FROM _bought_token_price(buy_model, of_vendor := buy_vendor, from_on := from_on, to_on := to_on,
            output_share := output_share, known_at := _instant(known_at)) b
        CROSS JOIN asked q CROSS JOIN way w CROSS JOIN band d LEFT JOIN petaday p ON p.month_on = b.month_on),
    -- One factor at a time at its bound; the GPU price affects both the fixed cost and the cost of self-served tokens.
    stepped AS (
        SELECT s.*, break_even(s.fixed, s.own, 0, s.buy) AS volume,
            -- At p95 of all that own tokens may cost, not of one factor of it.
            band_high(s.own, s.price_up ** 2 + s.serving_up ** 2) >= s.buy AS may_be_never,
            break_even(band_low(s.fixed, s.price_down ** 2), band_low(s.own, s.price_down ** 2), 0,
                s.buy) AS at_price_low,
            break_even(band_high(s.fixed, s.price_up ** 2), band_high(s.own, s.price_up ** 2), 0,
                s.buy) AS at_price_high,
            break_even(s.fixed, band_low(s.own, s.serving_down ** 2), 0, s.buy) AS at_serving_low,
            break_even(s.fixed, band_high(s.own, s.serving_up ** 2), 0, s.buy) AS at_serving_high
        FROM stated s)
    SELECT s.month_on, s.way, s.model_id, s.accelerator_id, s.median_usd_per_gpu_hour AS usd_per_gpu_hour,
        s.fixed AS fixed_usd, band_low(s.fixed, s.price_down ** 2 + s.hours_down ** 2) AS low_fixed_usd,
        band_high(s.fixed, s.price_up ** 2 + s.hours_up ** 2) AS high_fixed_usd, s.own AS own_usd_per_mtok,
        band_low(s.own, s.price_down ** 2 + s.serving_down ** 2) AS low_own_usd_per_mtok,
        band_high(s.own, s.price_up ** 2 + s.serving_up ** 2) AS high_own_usd_per_mtok, s.buy AS buy_usd_per_mtok,
        s.vendor AS buy_vendor, s.buy_model, s.volume AS break_even_mtok,
        band_low(s.volume, (ln(s.volume / s.at_price_low) / band_z()) ** 2
            + (ln(s.volume / s.at_serving_low) / band_z()) ** 2 + s.hours_down ** 2) AS low_break_even_mtok,
        CASE WHEN NOT s.may_be_never
                THEN band_high(s.volume, (ln(s.at_price_high / s.volume) / band_z()) ** 2
                    + (ln(s.at_serving_high / s.volume) / band_z()) ** 2 + s.hours_up ** 2) END AS high_break_even_mtok,
        probability_below(s.own, s.buy, s.price_down ** 2 + s.serving_down ** 2, s.price_up ** 2 + s.serving_up ** 2, 0,
            0) AS pays_back_probability,
        CASE WHEN s.accelerator_id IS NULL THEN 'unknown: no price of the accelerator was observed in the month'
            WHEN s.own_speed IS NULL THEN 'unknown: give own_tokens_per_s_per_gpu'
            WHEN s.buy IS NULL THEN 'unknown: no price for input and output'
            WHEN s.parameters IS NULL THEN 'unknown: parameters of ' || s.model_id
            WHEN s.flop IS NULL THEN 'unknown: operations of ' || s.model_id
            WHEN s.volume IS NULL AND band_low(s.own, s.price_down ** 2 + s.serving_down ** 2) < s.buy
                THEN 'probably never: at the central values bought tokens cost less than own ones, within the band not'
            WHEN s.volume IS NULL THEN 'never: a bought token costs less than an own one'
            WHEN s.may_be_never
                THEN 'perhaps never: within the band own tokens cost more than bought ones'
            ELSE 'pays back from the break-even volume' END AS verdict,
        s.source_ids, s.is_bundled
    FROM stepped s ORDER BY s.month_on, s.way DESC;
COMMENT ON MACRO TABLE build_adapt_buy IS
    'Train build_model, adapt adapt_model (LoRA, or all weights) on adapt_tokens, or buy tokens of buy_model: fixed '
    'cost at the GPU prices of each month of the token price history, own and bought price of a million tokens, and '
    'the volume from which each way pays back, with bands (p5, p95). Own throughput is given for a model of '
    'own_parameters (tokens per second and GPU, at the load that you have) and goes down with size. NULL and a verdict '
    'where it does not, at the central values (probably never) or over the band (never). known_at holds for both kinds '
    'of prices. build_adapt_buy(buy_model := ''gpt-4'', own_tokens_per_s_per_gpu := 400).';
