-- A service on another card: the roofline of assets/estimated/methods/serving.py on the memory, bandwidth, peak and
-- links of that card, all else as in its estimate. estimates_in and scenarios_in: where the estimates and their
-- scenarios stand, for a scenario of one's own.
CREATE OR REPLACE MACRO _served_on(estimate, of_accelerator_id, of_version, estimates_in := 'estimated',
        scenarios_in := 'reference') AS TABLE
    WITH stated AS (
        SELECT coalesce((
            SELECT _toml_text(s.definition, 'number_format')
            FROM query_table(scenarios_in || '.scenario') s WHERE s.scenario_id = estimate), 'bf16') AS number_format),
    number AS (
        SELECT max(f.value) FILTER (f.factor = 'parameters_count') AS parameters,
            max(f.value) FILTER (f.factor = 'active_parameters_count') AS active_parameters,
            max(f.value) FILTER (f.factor = 'bytes_per_parameter') AS given_bytes,
            max(f.value) FILTER (f.factor = 'layer_count') AS layers,
            max(f.value) FILTER (f.factor = 'hidden_width_count') AS hidden_width,
            max(f.value) FILTER (f.factor = 'kv_byte_per_token') AS given_kv_byte,
            max(f.value) FILTER (f.factor = 'attention_width_count') AS given_width,
            max(f.value) FILTER (f.factor = 'local_layer_count') AS local_layers,
            max(f.value) FILTER (f.factor = 'attention_window_tokens_count') AS window_tokens,
            max(f.value) FILTER (f.factor = 'accelerator_count') AS given_group,
            max(f.value) FILTER (f.factor = 'memory_share') AS memory_share,
            max(f.value) FILTER (f.factor = 'batch_count') AS batch,
            max(f.value) FILTER (f.factor = 'prompt_tokens_count') AS prompt,
            max(f.value) FILTER (f.factor = 'output_tokens_count') AS output,
            max(f.value) FILTER (f.factor = 'bandwidth_share') AS bandwidth_share,
            max(f.value) FILTER (f.factor = 'compute_share') AS compute_share,
            max(f.value) FILTER (f.factor = 'overhead_s_per_layer') AS per_layer,
            max(f.value) FILTER (f.factor = 'overhead_s_per_request') AS per_request,
            max(f.value) FILTER (f.factor = 'step_ratio') AS step_ratio,
            max(f.value) FILTER (f.factor = 'expert_count') AS experts,
            max(f.value) FILTER (f.factor = 'experts_per_token_count') AS experts_per_token,
            max(f.value) FILTER (f.factor = 'kv_head_count') AS kv_heads,
            max(f.value) FILTER (f.factor = 'kv_latent_width_count') AS latent_width,
            max(f.value) FILTER (f.factor = 'data_parallel_count') AS given_copies,
            max(f.value) FILTER (f.factor = 'scheduler_count') AS given_schedulers,
            max(f.value) FILTER (f.factor = 'exchange_share') AS exchange_share
        FROM query_table(estimates_in || '.factor') f
        WHERE f.scenario_id = estimate AND f.method_version = of_version AND starts_with(of_version, 'serving-')),
    -- From serving-4 on these are computed quantities; before, they were looked-up factors, and attention windows and
    -- the attention of decoding were not modelled.
    attention AS (
        SELECT max(e.central) FILTER (e.quantity = 'kv_byte_per_token') AS kv_byte,
            max(e.central) FILTER (e.quantity = 'attention_width_count') AS width,
            max(e.central) FILTER (e.quantity = 'decoding_attention_width_count') AS decoding_width
        FROM query_table(estimates_in || '.scenario_estimate') e
        WHERE e.scenario_id = estimate AND e.method_version = of_version AND starts_with(of_version, 'serving-')),
    model AS (
        SELECT n.*, coalesce(n.active_parameters, n.parameters) AS active,
            coalesce(t.kv_byte, n.given_kv_byte) AS kv_byte, coalesce(t.width, n.given_width) AS width,
            t.decoding_width,
            attended_tokens_count(n.prompt + n.output, n.layers, n.local_layers, n.window_tokens) AS held_tokens,
            mean_attended_tokens_count(0, n.prompt, n.layers, n.local_layers, n.window_tokens) AS seen_reading,
            mean_attended_tokens_count(n.prompt, n.output, n.layers, n.local_layers, n.window_tokens) AS seen_decoding
        FROM number n CROSS JOIN attention t),
    card AS (
        SELECT n.*, n.parameters * coalesce(n.given_bytes, bytes_per_parameter(s.number_format)) AS weight_byte,
            n.kv_byte * n.held_tokens AS cache_byte,
            a.memory_gib * CASE of_version WHEN 'serving-1' THEN 1e9 ELSE 1024.0 ** 3 END AS memory_byte,
            a.memory_bandwidth_gb_per_s * 1e9 AS bandwidth,
            CASE s.number_format WHEN 'bf16' THEN a.fp16_dense_flop_per_s
                WHEN 'fp8' THEN a.fp8_dense_flop_per_s
                WHEN 'fp4' THEN a.fp4_dense_flop_per_s
                WHEN 'int8' THEN a.int8_dense_op_per_s END::DOUBLE AS peak,
            -- From serving-5 on accelerators exchange what they have of each token, and four bits reach less of the
            -- peak.
            CASE WHEN v.has_exchange THEN a.interconnect_gb_per_s * 1e9 * coalesce(n.exchange_share, 1) END AS links,
            v.has_parts,
            n.compute_share * CASE WHEN v.has_exchange THEN format_share(s.number_format) ELSE 1 END AS share
        FROM model n CROSS JOIN stated s
        CROSS JOIN (SELECT of_version NOT IN ('serving-1', 'serving-2', 'serving-3', 'serving-4') AS has_exchange,
            of_version NOT IN ('serving-1', 'serving-2', 'serving-3', 'serving-4', 'serving-5') AS has_parts) v
        JOIN reference.accelerator a ON a.accelerator_id = of_accelerator_id),
    grouped AS (
        SELECT c.*,
            coalesce(c.given_group, 2.0 ** ceil(log2(accelerators_to_hold_count(c.weight_byte,
                        coalesce(c.batch, 1) * coalesce(c.cache_byte, 0), c.memory_byte, c.memory_share)))) AS cards
        FROM card c),
    -- From serving-6 on parts of the accelerators of a mixture of experts attend, and schedule, apart.
    held AS (
        SELECT g.*,
            CASE WHEN g.has_parts THEN coalesce(g.given_copies,
                attention_copy_count(g.parameters, g.active, g.cards, g.kv_heads, g.latent_width)) ELSE 1 END AS copies,
            CASE WHEN g.has_parts THEN coalesce(g.given_schedulers,
                scheduler_count(g.parameters, g.active, g.cards)) ELSE 1 END AS schedulers,
            nullif(greatest(floor((g.cards * g.memory_byte * g.memory_share - g.weight_byte) / g.cache_byte), 0),
                0) AS largest
        FROM grouped g),
    -- A batch that does not fit the memory of the card gives NULL.
    filled AS (
        SELECT h.*, CASE WHEN coalesce(h.batch, 1) <= h.largest THEN coalesce(h.batch, h.largest) END AS used_batch
        FROM held h),
    timed AS (
        SELECT f.*,
            accelerators_to_hold_count(f.weight_byte, coalesce(f.batch, 1) * coalesce(f.cache_byte, 0), f.memory_byte,
                f.memory_share) <= f.cards AS is_held,
            f.step_ratio * (decode_step_s(CASE WHEN f.has_parts
                THEN mixture_read_count(f.parameters, f.active, f.used_batch, f.experts, f.experts_per_token)
                ELSE parameters_read_count(f.parameters, f.active, f.used_batch) END * f.weight_byte / f.parameters,
                f.used_batch * f.kv_byte * f.seen_decoding,
                inference_flop_per_token(f.active) * f.used_batch
                + coalesce(attention_flop(f.layers, f.decoding_width, f.used_batch, f.seen_decoding), 0), f.cards,
                f.bandwidth, f.bandwidth_share, f.peak, f.share, f.layers, f.used_batch,
                f.per_layer * CASE WHEN f.has_parts THEN layer_overhead_ratio(f.parameters, f.active) ELSE 1 END,
                f.per_request / f.schedulers)
                + coalesce(group_exchange_s(f.layers, f.hidden_width, f.used_batch, f.cards, f.copies,
                    f.experts_per_token, f.links), 0)) AS token_s,
            prefill_s(f.active, f.prompt, coalesce(attention_flop(f.layers, f.width, f.prompt, f.seen_reading), 0),
                f.cards, f.peak, f.share)
                + coalesce(group_exchange_s(f.layers, f.hidden_width, f.prompt, f.cards, f.copies,
                    f.experts_per_token, f.links), 0) AS prompt_s
        FROM filled f)
    SELECT unnest(['gpu_s_per_mtok_input', 'gpu_s_per_mtok_output']) AS hours_of,
        unnest([CASE WHEN t.is_held IS NOT false OR of_version IN ('serving-1', 'serving-2') THEN t.prompt_s END
                / t.prompt * t.cards * 1e6, t.token_s / t.used_batch * t.cards * 1e6]) AS gpu_s_at_full_use
    FROM timed t;
COMMENT ON MACRO TABLE _served_on IS
    'GPU-seconds per million tokens of a service at full use, were it on another card, for why_moved; NULL where the '
    'card does not hold the batch or does not compute in the format.';
