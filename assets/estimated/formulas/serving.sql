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

-- Mixtures of experts on many accelerators (serving-6).
CREATE OR REPLACE MACRO mixture_read_count(parameters_count, active_parameters_count, batch_count, expert_count, experts_per_token_count) AS
    CASE WHEN active_parameters_count < parameters_count AND experts_per_token_count < expert_count
        THEN parameters_count - least((parameters_count - active_parameters_count) / (1 - experts_per_token_count::DOUBLE / expert_count), parameters_count)
            * (1 - experts_per_token_count::DOUBLE / expert_count) ** batch_count
        ELSE parameters_read_count(parameters_count, active_parameters_count, batch_count) END;
COMMENT ON MACRO mixture_read_count IS '1; parameters that a step reads: all but the experts that no token of the batch is routed to, were routing independent; the experts hold what is not active over the share of them that is not; where their number is not known as parameters_read_count; derived';

CREATE OR REPLACE MACRO attention_copy_count(parameters_count, active_parameters_count, accelerator_count, kv_head_count, kv_latent_width_count) AS
    CASE WHEN active_parameters_count < parameters_count
        THEN greatest(accelerator_count::DOUBLE / CASE WHEN kv_latent_width_count IS NOT NULL THEN 1 ELSE coalesce(kv_head_count, accelerator_count) END, 1)
        ELSE 1.0 END;
COMMENT ON MACRO attention_copy_count IS '1; parts of the accelerators of one copy of a mixture of experts that each attend for requests of their own: as many as leave each part no more accelerators than there are heads of keys and values, of which a latent vector is one; arXiv 2412.19437 section 3.4';

CREATE OR REPLACE MACRO scheduler_count(parameters_count, active_parameters_count, accelerator_count) AS
    CASE WHEN active_parameters_count < parameters_count THEN ceil(accelerator_count / 8.0) ELSE 1.0 END;
COMMENT ON MACRO scheduler_count IS '1; processes that schedule requests: of a mixture of experts one for each server of eight accelerators, as its requests attend there; derived';

CREATE OR REPLACE MACRO layer_overhead_ratio(parameters_count, active_parameters_count) AS CASE WHEN active_parameters_count < parameters_count THEN 1.5 ELSE 1.0 END;
COMMENT ON MACRO layer_overhead_ratio IS '1; overhead of a layer over that of a dense model: a mixture of experts launches its routing, and the products of its experts, beside the rest; fitted to https://github.com/ml-energy/leaderboard/blob/0cd52da/public/data/tasks/lm-arena-chat.json';

CREATE OR REPLACE MACRO expert_exchange_s(layer_count, hidden_width_count, tokens_count, accelerator_count, experts_per_token_count, interconnect_byte_per_s) AS
    2.0::DOUBLE * layer_count * hidden_width_count * 2 * experts_per_token_count * tokens_count / accelerator_count
        * (accelerator_count - 1) / accelerator_count / (interconnect_byte_per_s::DOUBLE / 2);
COMMENT ON MACRO expert_exchange_s IS 's; each accelerator sends its share of the tokens, 16 bits wide, to the accelerators of their experts and gets them back, once a layer, at the speed of its links in one direction; arXiv 2412.19437 section 3.4';

CREATE OR REPLACE MACRO group_exchange_s(layer_count, hidden_width_count, tokens_count, accelerator_count, attention_copies, experts_per_token_count, interconnect_byte_per_s) AS
    CASE WHEN attention_copies = 1 THEN exchange_s(layer_count, hidden_width_count, tokens_count, accelerator_count, interconnect_byte_per_s)
        ELSE exchange_s(layer_count, hidden_width_count, tokens_count::DOUBLE / attention_copies, accelerator_count::DOUBLE / attention_copies, interconnect_byte_per_s) / 2
            + least(exchange_s(layer_count, hidden_width_count, tokens_count, accelerator_count, interconnect_byte_per_s) / 2,
                expert_exchange_s(layer_count, hidden_width_count, tokens_count, accelerator_count, experts_per_token_count, interconnect_byte_per_s)) END;
COMMENT ON MACRO group_exchange_s IS 's; exchange of the accelerators of one copy: all of every token by tensors; where parts of them attend to requests of their own, by tensors inside a part, and from token to experts or by tensors, whichever is faster, in the feed-forward layers; arXiv 1909.08053 section 3, arXiv 2412.19437 section 3.4';
