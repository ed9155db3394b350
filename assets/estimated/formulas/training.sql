-- Training: operations, GPU-hours, energy, money and carbon of one run. One macro per quantity, all in the units of its name.
CREATE OR REPLACE MACRO training_flop(parameters_count, tokens_count, flop_per_parameter_token := 6) AS
    flop_per_parameter_token::DOUBLE * parameters_count::DOUBLE * tokens_count::DOUBLE;
COMMENT ON MACRO training_flop IS 'FLOP; operations of a training: 6 per active parameter and token, 3 for encoder-decoders whose halves share the tokens; arXiv 2001.08361 section 2.1 and arXiv 2005.14165 table D.1';

CREATE OR REPLACE MACRO training_flop_with_attention(parameters_count, tokens_count, flop_per_parameter_token, attention_flop_per_token_count) AS
    (flop_per_parameter_token::DOUBLE * parameters_count::DOUBLE + attention_flop_per_token_count::DOUBLE) * tokens_count::DOUBLE;
COMMENT ON MACRO training_flop_with_attention IS 'FLOP; operations of a training with the attention term; arXiv 2204.02311 appendix B';

CREATE OR REPLACE MACRO attention_flop_per_token(layer_count, attention_width_count, context_tokens_count) AS
    12.0::DOUBLE * layer_count * attention_width_count * context_tokens_count;
COMMENT ON MACRO attention_flop_per_token IS 'FLOP/token; attention over the context in forward and backward pass, width = heads x head dimension; arXiv 2204.02311 appendix B (12 L H Q T)';

CREATE OR REPLACE MACRO recomputation_flop_per_token(parameters_count, recomputed_share, attention_flop_per_token_count, attention_recomputed_share := 1) AS
    2.0::DOUBLE * parameters_count * recomputed_share + attention_flop_per_token_count::DOUBLE / 3 * attention_recomputed_share;
COMMENT ON MACRO recomputation_flop_per_token IS 'FLOP/token; forward pass done again in the backward pass (rematerialisation), for the share that is recomputed; counts in HFU, not in MFU; arXiv 2204.02311 section 4.1';

CREATE OR REPLACE MACRO pf_days(training_flop_count) AS training_flop_count / 86400e15;
COMMENT ON MACRO pf_days IS 'PFLOP/s-day; operations of one day at 1e15 FLOP/s; arXiv 2005.14165 table D.1';

CREATE OR REPLACE MACRO achieved_flop_per_s(peak_flop_per_s, utilization_share) AS peak_flop_per_s::DOUBLE * utilization_share;
COMMENT ON MACRO achieved_flop_per_s IS 'FLOP/s per GPU; dense peak times model FLOP utilisation (MFU); arXiv 2204.02311 appendix B';

CREATE OR REPLACE MACRO utilization_share(achieved_flop_per_s_count, peak_flop_per_s) AS achieved_flop_per_s_count::DOUBLE / peak_flop_per_s;
COMMENT ON MACRO utilization_share IS 'share; utilisation of the dense peak: MFU from model FLOP, HFU where recomputation is counted in; arXiv 2204.02311 appendix B';

CREATE OR REPLACE MACRO gpu_hours_of_flop(training_flop_count, achieved_flop_per_s_count) AS
    training_flop_count::DOUBLE / achieved_flop_per_s_count / 3600;
COMMENT ON MACRO gpu_hours_of_flop IS 'GPU-hour; operations over throughput per GPU; arXiv 2104.10350 section 3';

CREATE OR REPLACE MACRO gpu_hours_of_run(accelerator_count, duration_days_count) AS accelerator_count::DOUBLE * duration_days_count * 24;
COMMENT ON MACRO gpu_hours_of_run IS 'GPU-hour; accelerators times wall time; arXiv 2104.10350 section 3';

CREATE OR REPLACE MACRO flop_of_gpu_hours(gpu_hours_count, achieved_flop_per_s_count) AS
    gpu_hours_count::DOUBLE * 3600 * achieved_flop_per_s_count;
COMMENT ON MACRO flop_of_gpu_hours IS 'FLOP; throughput per GPU over the GPU-hours of a run; arXiv 2104.10350 table 4';

CREATE OR REPLACE MACRO achieved_flop_per_s_of_run(training_flop_count, gpu_hours_count) AS
    training_flop_count::DOUBLE / gpu_hours_count / 3600;
COMMENT ON MACRO achieved_flop_per_s_of_run IS 'FLOP/s per GPU; throughput of a whole run, stops included; arXiv 2104.10350 section 3';

CREATE OR REPLACE MACRO duration_days(gpu_hours_count, accelerator_count) AS gpu_hours_count::DOUBLE / accelerator_count / 24;
COMMENT ON MACRO duration_days IS 'day; wall time of a run; arXiv 2302.13971 section 2.4';

CREATE OR REPLACE MACRO power_w_per_gpu(tdp_w, power_share_of_tdp) AS tdp_w::DOUBLE * power_share_of_tdp;
COMMENT ON MACRO power_w_per_gpu IS 'W; mean electrical power per accelerator with its share of the server; arXiv 2104.10350 table 4, arXiv 2412.08602';

CREATE OR REPLACE MACRO it_energy_kwh(gpu_hours_count, power_w) AS gpu_hours_count::DOUBLE * power_w / 1000;
COMMENT ON MACRO it_energy_kwh IS 'kWh; energy at the servers; arXiv 2302.13971 section 6';

CREATE OR REPLACE MACRO facility_energy_kwh(it_energy_kwh_count, pue) AS it_energy_kwh_count::DOUBLE * pue;
COMMENT ON MACRO facility_energy_kwh IS 'kWh; energy at the meter of the data centre; ISO/IEC 30134-2 (power usage effectiveness)';

CREATE OR REPLACE MACRO energy_kwh(gpu_hours_count, power_w, pue) AS
    facility_energy_kwh(it_energy_kwh(gpu_hours_count, power_w), pue);
COMMENT ON MACRO energy_kwh IS 'kWh; energy at the meter of the data centre: GPU-hours x W x PUE / 1000; arXiv 2104.10350 section 3';

CREATE OR REPLACE MACRO operational_kgco2e(energy_kwh_count, grid_gco2e_per_kwh) AS energy_kwh_count::DOUBLE * grid_gco2e_per_kwh / 1000;
COMMENT ON MACRO operational_kgco2e IS 'kgCO2e; emissions of the electricity used, location-based with a location-based intensity; GHG Protocol Scope 2 Guidance 2015, arXiv 2104.10350 section 3';

CREATE OR REPLACE MACRO cost_usd(gpu_hours_count, usd_per_gpu_hour) AS gpu_hours_count::DOUBLE * usd_per_gpu_hour;
COMMENT ON MACRO cost_usd IS 'USD; rental at a rate per GPU-hour; arXiv 2412.19437 table 1';

CREATE OR REPLACE MACRO embodied_kgco2e(device_kgco2e, device_hours, life_years, use_share := 1) AS
    device_kgco2e::DOUBLE * device_hours / (life_years * 8760.0 * use_share);
COMMENT ON MACRO embodied_kgco2e IS 'kgCO2e; emissions of manufacture for the hours used, spread over the hours of useful life; arXiv 2211.02001 section 4.1';

CREATE OR REPLACE MACRO water_l(it_energy_kwh_count, site_l_per_kwh, pue, grid_l_per_kwh) AS
    it_energy_kwh_count::DOUBLE * (site_l_per_kwh + pue * grid_l_per_kwh);
COMMENT ON MACRO water_l IS 'l; water used on site (WUE) and for the electricity; arXiv 2304.03271 section 2';
