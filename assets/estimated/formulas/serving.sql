-- Serving: a roofline of prefill and decode, calibrated on measured runs (see methods/serving.py).
CREATE OR REPLACE MACRO bytes_per_parameter(number_format) AS
    CASE number_format WHEN 'bf16' THEN 2.0 WHEN 'fp8' THEN 1.0 WHEN 'int8' THEN 1.0 WHEN 'fp4' THEN 0.5 END;
COMMENT ON MACRO bytes_per_parameter IS 'byte; size of a weight in a number format, scales left out; IEEE 754, OCP Microscaling Formats 1.0; derived';

CREATE OR REPLACE MACRO kv_byte_per_token(layer_count, kv_head_count, head_dimension_count, bytes_per_value) AS
    2.0::DOUBLE * layer_count * kv_head_count * head_dimension_count * bytes_per_value;
COMMENT ON MACRO kv_byte_per_token IS 'byte/token; keys and values of one token in all layers; arXiv 2211.05102 section 2';

CREATE OR REPLACE MACRO latent_byte_per_token(layer_count, kv_latent_width_count, rope_head_dimension_count, bytes_per_value) AS
    layer_count::DOUBLE * (kv_latent_width_count + rope_head_dimension_count) * bytes_per_value;
COMMENT ON MACRO latent_byte_per_token IS 'byte/token; what multi-head latent attention caches in place of keys and values: in every layer one latent vector and one rotary key for all heads; arXiv 2405.04434 section 2.1 and table 1';

CREATE OR REPLACE MACRO parameters_read_count(parameters_count, active_parameters_count, batch_count) AS
    parameters_count::DOUBLE * (1 - (1 - least(active_parameters_count::DOUBLE / parameters_count, 1)) ** batch_count);
COMMENT ON MACRO parameters_read_count IS '1; parameters that a step reads: all of a dense model; of a mixture those that at least one of the batch is routed to, were routing independent; derived';

CREATE OR REPLACE MACRO decode_step_s(weight_byte, cache_byte, flop, accelerator_count, memory_bandwidth_byte_per_s, bandwidth_share, peak_flop_per_s, compute_share,
    layer_count, batch_count, overhead_s_per_layer, overhead_s_per_request) AS
    (weight_byte::DOUBLE + cache_byte) / (accelerator_count * memory_bandwidth_byte_per_s::DOUBLE * bandwidth_share)
    + flop::DOUBLE / (accelerator_count * peak_flop_per_s::DOUBLE * compute_share)
    + overhead_s_per_layer::DOUBLE * layer_count * (1 + log2(accelerator_count) / 2) + overhead_s_per_request::DOUBLE * batch_count;
COMMENT ON MACRO decode_step_s IS 's; one token for every request of the batch: memory traffic, arithmetic, launches and exchange between accelerators by layer, scheduling by request; roofline arXiv 2211.05102 section 3 with overheads fitted, derived';

CREATE OR REPLACE MACRO prefill_s(active_parameters_count, prompt_tokens_count, attention_flop, accelerator_count, peak_flop_per_s, compute_share) AS
    (2.0::DOUBLE * active_parameters_count * prompt_tokens_count + attention_flop) / (accelerator_count * peak_flop_per_s::DOUBLE * compute_share);
COMMENT ON MACRO prefill_s IS 's; reading of a prompt, bound by arithmetic; arXiv 2211.05102 section 3';

CREATE OR REPLACE MACRO serving_tokens_per_s(output_tokens_count, prefill_s, decode_step_s, batch_count) AS
    output_tokens_count::DOUBLE / (prefill_s + output_tokens_count * decode_step_s / batch_count);
COMMENT ON MACRO serving_tokens_per_s IS 'token/s; output of a group of accelerators that reads prompts and decodes a full batch in turn; derived';

CREATE OR REPLACE MACRO accelerators_to_hold_count(weight_byte, cache_byte, memory_byte_per_gpu, memory_share) AS
    ceil((weight_byte::DOUBLE + cache_byte) / (memory_byte_per_gpu * memory_share));
COMMENT ON MACRO accelerators_to_hold_count IS '1; accelerators whose memory holds weights and cache; derived';

CREATE OR REPLACE MACRO format_share(number_format) AS CASE number_format WHEN 'fp4' THEN 0.6 ELSE 1.0 END;
COMMENT ON MACRO format_share IS '1; of the share of the peak that wider formats reach, what a format does: in four bits attention and routing stay wider; fitted to https://github.com/NVIDIA/TensorRT-LLM/blob/00f37686aa854010d68bcbd0f4ab000221541ca6/docs/source/performance/perf-overview.md';

CREATE OR REPLACE MACRO exchange_s(layer_count, hidden_width_count, tokens_count, accelerator_count, interconnect_byte_per_s) AS
    CASE WHEN accelerator_count = 1 THEN 0.0
        ELSE 2.0::DOUBLE * layer_count * hidden_width_count * 2 * tokens_count * 2 * (accelerator_count - 1) / accelerator_count / (interconnect_byte_per_s::DOUBLE / 2) END;
COMMENT ON MACRO exchange_s IS 's; tensor-parallel accelerators add up their parts of each token, 16 bits wide, twice a layer in a ring, at the speed of their links in one direction (interconnect_byte_per_s counts both); arXiv 1909.08053 section 3, Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002';
