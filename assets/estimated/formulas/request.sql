-- One request by EcoLogits' method, as published in versions 0.5.0, 0.9.1 and 0.11.3. Parameters are counts, not billions.
-- 0.5.0: 4-bit weights on A100 80 GB, no batching, server of 1 kW, life of 5 years.
CREATE OR REPLACE MACRO ecologits_gpu_count_0_5_0(parameters_count) AS ceil(1.2 * (parameters_count::DOUBLE / 1e9) * 4 / 8 / 80);
COMMENT ON MACRO ecologits_gpu_count_0_5_0 IS 'GPU; A100 80 GB that hold 4-bit weights with 20% overhead; EcoLogits 0.5.0, https://ecologits.ai/0.5/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_latency_s_0_5_0(active_parameters_count, output_tokens_count, request_latency_s) AS
    least(output_tokens_count::DOUBLE * (8.02e-4 * (active_parameters_count::DOUBLE / 1e9) + 2.23e-2), request_latency_s::DOUBLE);
COMMENT ON MACRO ecologits_latency_s_0_5_0 IS 's; time to generate the output, at most the latency that was measured (NULL: none was); EcoLogits 0.5.0, https://ecologits.ai/0.5/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_it_energy_kwh_0_5_0(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_latency_s_0_5_0(active_parameters_count, output_tokens_count, request_latency_s) / 3600 * ecologits_gpu_count_0_5_0(parameters_count) / 8
    + ecologits_gpu_count_0_5_0(parameters_count) * output_tokens_count::DOUBLE * (8.91e-8 * (active_parameters_count::DOUBLE / 1e9) + 1.43e-6);
COMMENT ON MACRO ecologits_it_energy_kwh_0_5_0 IS 'kWh; energy of server and GPUs for one request; EcoLogits 0.5.0, https://ecologits.ai/0.5/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_kgco2e_0_5_0(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_latency_s_0_5_0(active_parameters_count, output_tokens_count, request_latency_s) / (5 * 31536000.0)
    * ecologits_gpu_count_0_5_0(parameters_count) * (3000.0 / 8 + 143);
COMMENT ON MACRO ecologits_embodied_kgco2e_0_5_0 IS 'kgCO2e; manufacture of server (3000 kg) and A100 (143 kg), by time of use of 5 years; EcoLogits 0.5.0, https://ecologits.ai/0.5/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_kgsbe_0_5_0(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_latency_s_0_5_0(active_parameters_count, output_tokens_count, request_latency_s) / (5 * 31536000.0)
    * ecologits_gpu_count_0_5_0(parameters_count) * (0.24::DOUBLE / 8 + 5.1e-3);
COMMENT ON MACRO ecologits_embodied_kgsbe_0_5_0 IS 'kgSbe; abiotic resources (ADPe) of server (0.24 kg) and A100 (5.1 g), by time of use of 5 years; EcoLogits 0.5.0, https://ecologits.ai/0.5/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_mj_0_5_0(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_latency_s_0_5_0(active_parameters_count, output_tokens_count, request_latency_s) / (5 * 31536000.0)
    * ecologits_gpu_count_0_5_0(parameters_count) * (38000.0::DOUBLE / 8 + 1828);
COMMENT ON MACRO ecologits_embodied_mj_0_5_0 IS 'MJ; primary energy of the manufacture of server (38,000 MJ) and A100 (1,828 MJ), by time of use of 5 years; EcoLogits 0.5.0, https://ecologits.ai/0.5/methodology/llm_inference/';

-- 0.9.1: 16-bit weights on H100 80 GB, GPUs in powers of two, batch of 64, server of 1.2 kW, life of 3 years.
-- Constants stand together in parentheses: DuckDB multiplies them once, not for every request.
CREATE OR REPLACE MACRO ecologits_gpu_count_0_9_1(parameters_count) AS
    2.0::DOUBLE ** ceil(log2(ceil(1.2 * (parameters_count::DOUBLE / 1e9) * 16 / 8 / 80)));
COMMENT ON MACRO ecologits_gpu_count_0_9_1 IS 'GPU; H100 80 GB that hold 16-bit weights with 20% overhead, rounded up to a power of two; EcoLogits 0.9.1, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_latency_s_0_9_1(active_parameters_count, output_tokens_count, request_latency_s) AS
    least(output_tokens_count::DOUBLE * (0.0006785088094353663 * (active_parameters_count::DOUBLE / 1e9) + (0.0003119310311688259 * 64 + 0.019473717579473387)), request_latency_s::DOUBLE);
COMMENT ON MACRO ecologits_latency_s_0_9_1 IS 's; time to generate the output in a batch of 64, at most the latency that was measured (NULL: none was); EcoLogits 0.9.1, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_it_energy_kwh_0_9_1(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_gpu_count_0_9_1(parameters_count) * (
        ecologits_latency_s_0_9_1(active_parameters_count, output_tokens_count, request_latency_s) * (1.2::DOUBLE / 8 / 64 / 3600)
        + output_tokens_count::DOUBLE * (1.1665273170451914e-06 * exp(-0.011205921025579175 * 64) / 1000 * (active_parameters_count::DOUBLE / 1e9) + 4.052928146734005e-05 / 1000));
COMMENT ON MACRO ecologits_it_energy_kwh_0_9_1 IS 'kWh; energy of server and GPUs for one request of a batch of 64; EcoLogits 0.9.1, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_kgco2e_0_9_1(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_latency_s_0_9_1(active_parameters_count, output_tokens_count, request_latency_s) / (3 * 31536000.0 * 64)
    * ecologits_gpu_count_0_9_1(parameters_count) * (5700.0 / 8 + 164);
COMMENT ON MACRO ecologits_embodied_kgco2e_0_9_1 IS 'kgCO2e; manufacture of server (5700 kg) and H100 (164 kg), by time of use of 3 years and share of the batch; EcoLogits 0.9.1, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_kgsbe_0_9_1(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_latency_s_0_9_1(active_parameters_count, output_tokens_count, request_latency_s) / (3 * 31536000.0 * 64)
    * ecologits_gpu_count_0_9_1(parameters_count) * (0.37::DOUBLE / 8 + 5.1e-3);
COMMENT ON MACRO ecologits_embodied_kgsbe_0_9_1 IS 'kgSbe; abiotic resources (ADPe) of server (0.37 kg) and GPU (5.1 g, of an A100), by time of use of 3 years and share of the batch; EcoLogits 0.9.1, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_mj_0_9_1(active_parameters_count, parameters_count, output_tokens_count, request_latency_s) AS
    ecologits_latency_s_0_9_1(active_parameters_count, output_tokens_count, request_latency_s) / (3 * 31536000.0 * 64)
    * ecologits_gpu_count_0_9_1(parameters_count) * (70000.0::DOUBLE / 8 + 1828);
COMMENT ON MACRO ecologits_embodied_mj_0_9_1 IS 'MJ; primary energy of the manufacture of server (70,000 MJ) and GPU (1,828 MJ, of an A100), by time of use of 3 years and share of the batch; EcoLogits 0.9.1, https://ecologits.ai/latest/methodology/llm_inference/';

-- 0.11.3: as 0.9.1, with the manufacture of an H100 by a later study, the speed of the model where it is known, and water of the energy before PUE.
CREATE OR REPLACE MACRO ecologits_latency_s_0_11_3(active_parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) AS
    least(output_tokens_count::DOUBLE * coalesce(1 / tokens_per_s::DOUBLE, 0.0006785088094353663 * (active_parameters_count::DOUBLE / 1e9) + (0.0003119310311688259 * 64 + 0.019473717579473387))
        + coalesce(first_token_latency_s::DOUBLE, 0), request_latency_s::DOUBLE);
COMMENT ON MACRO ecologits_latency_s_0_11_3 IS 's; time to generate the output, by the speed and first token of the model (NULL: by its size, in a batch of 64), at most the latency that was measured (NULL: none was); EcoLogits 0.11.3, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_it_energy_kwh_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) AS
    ecologits_gpu_count_0_9_1(parameters_count) * (
        ecologits_latency_s_0_11_3(active_parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) * (1.2::DOUBLE / 8 / 64 / 3600)
        + output_tokens_count::DOUBLE * (1.1665273170451914e-06 * exp(-0.011205921025579175 * 64) / 1000 * (active_parameters_count::DOUBLE / 1e9) + 4.052928146734005e-05 / 1000));
COMMENT ON MACRO ecologits_it_energy_kwh_0_11_3 IS 'kWh; energy of server and GPUs for one request of a batch of 64; EcoLogits 0.11.3, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_share_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) AS
    ecologits_latency_s_0_11_3(active_parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) / (3 * 31536000.0 * 64)
    * ecologits_gpu_count_0_9_1(parameters_count);
COMMENT ON MACRO ecologits_embodied_share_0_11_3 IS '1; GPUs of one request by its share of their life of 3 years and of the batch; EcoLogits 0.11.3, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_kgco2e_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) AS
    ecologits_embodied_share_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) * (5700.0::DOUBLE / 8 + 273);
COMMENT ON MACRO ecologits_embodied_kgco2e_0_11_3 IS 'kgCO2e; manufacture of server (5700 kg) and H100 (273 kg), by time of use; EcoLogits 0.11.3, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_kgsbe_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) AS
    ecologits_embodied_share_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) * (0.37::DOUBLE / 8 + 8.95e-3);
COMMENT ON MACRO ecologits_embodied_kgsbe_0_11_3 IS 'kgSbe; abiotic resources (ADPe) of server (0.37 kg) and H100 (8.95 g), by time of use; EcoLogits 0.11.3, https://ecologits.ai/latest/methodology/llm_inference/';

CREATE OR REPLACE MACRO ecologits_embodied_mj_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) AS
    ecologits_embodied_share_0_11_3(active_parameters_count, parameters_count, output_tokens_count, request_latency_s, tokens_per_s, first_token_latency_s) * (70000.0::DOUBLE / 8 + 3721);
COMMENT ON MACRO ecologits_embodied_mj_0_11_3 IS 'MJ; primary energy of the manufacture of server (70,000 MJ) and H100 (3,721 MJ), by time of use; EcoLogits 0.11.3, https://ecologits.ai/latest/methodology/llm_inference/';

-- What a service measured.
CREATE OR REPLACE MACRO j_per_token(power_w, tokens_per_s) AS power_w::DOUBLE / tokens_per_s;
COMMENT ON MACRO j_per_token IS 'J/token; power over throughput; arXiv 2505.06371 (ML.ENERGY benchmark)';

CREATE OR REPLACE MACRO tokens_per_s_of_batch(batch_count, inter_token_latency_s) AS batch_count::DOUBLE / inter_token_latency_s;
COMMENT ON MACRO tokens_per_s_of_batch IS 'token/s; one token of each request of the batch every inter-token latency, prefill left out: an upper bound; derived, arXiv 2505.06371';

CREATE OR REPLACE MACRO weight_read_s(parameters_count, bytes_per_parameter, accelerator_count, memory_bandwidth_byte_per_s) AS
    parameters_count::DOUBLE * bytes_per_parameter / (accelerator_count * memory_bandwidth_byte_per_s::DOUBLE);
COMMENT ON MACRO weight_read_s IS 's/token; floor of decode latency: every weight is read once per step from the memory of all accelerators; arXiv 2211.05102 section 3';

CREATE OR REPLACE MACRO inference_flop_per_token(active_parameters_count) AS 2.0::DOUBLE * active_parameters_count;
COMMENT ON MACRO inference_flop_per_token IS 'FLOP/token; forward pass without attention; arXiv 2001.08361 section 2.1';

CREATE OR REPLACE MACRO usd_per_mtok(usd, tokens_count) AS usd::DOUBLE / tokens_count * 1e6;
COMMENT ON MACRO usd_per_mtok IS 'USD per million tokens; cost over tokens; derived';
