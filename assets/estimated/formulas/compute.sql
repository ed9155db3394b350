-- Compute per token, utilisation, and the price of compute.
CREATE OR REPLACE MACRO forward_flop_per_token(parameters_count, layer_count, context_tokens_count, attention_width_count) AS
    2.0::DOUBLE * parameters_count + 2.0::DOUBLE * layer_count * context_tokens_count * attention_width_count;
COMMENT ON MACRO forward_flop_per_token IS 'FLOP/token; forward pass with one of the two attention products, as counted in 2020 (the other count is attention_flop_per_token / 3); arXiv 2001.08361 section 2.1';

CREATE OR REPLACE MACRO usd_per_flop(usd_per_gpu_hour, achieved_flop_per_s_count) AS usd_per_gpu_hour::DOUBLE / 3600 / achieved_flop_per_s_count;
COMMENT ON MACRO usd_per_flop IS 'USD/FLOP; rate over throughput; derived';

CREATE OR REPLACE MACRO lora_parameters_count(layer_count, hidden_width_count, rank_count, matrices_per_layer_count) AS
    2.0::DOUBLE * hidden_width_count * rank_count * matrices_per_layer_count * layer_count;
COMMENT ON MACRO lora_parameters_count IS '1; trainable parameters of low-rank adapters of square matrices; arXiv 2106.09685 section 4.2';

CREATE OR REPLACE MACRO fine_tuning_flop(active_parameters_count, tokens_count, trainable_parameters_count) AS
    (4.0::DOUBLE * active_parameters_count + 2.0::DOUBLE * trainable_parameters_count) * tokens_count;
COMMENT ON MACRO fine_tuning_flop IS 'FLOP; forward 2N and gradients of activations 2N for every parameter, gradients of weights 2 for those trained: 6N where all are; derived from arXiv 2001.08361 section 2.1, arXiv 2106.09685';

CREATE OR REPLACE MACRO fine_tuning_memory_byte(parameters_count, trainable_parameters_count, bytes_per_parameter) AS
    bytes_per_parameter::DOUBLE * parameters_count + 14.0::DOUBLE * trainable_parameters_count;
COMMENT ON MACRO fine_tuning_memory_byte IS 'byte; weights, and for those trained 2 of gradient and 12 of optimiser state (mixed precision with Adam), without activations; arXiv 1910.02054 section 3.1';

CREATE OR REPLACE MACRO break_even(fixed_a, per_unit_a, fixed_b, per_unit_b) AS
    CASE WHEN (fixed_a - fixed_b) * (per_unit_b - per_unit_a) > 0 THEN (fixed_a - fixed_b)::DOUBLE / (per_unit_b - per_unit_a) END;
COMMENT ON MACRO break_even IS 'unit of the price; volume from which the way with the higher fixed cost is cheaper, NULL where it never is; derived';
