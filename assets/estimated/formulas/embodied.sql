-- Manufacture, software carbon intensity, sites, ownership.
CREATE OR REPLACE MACRO time_share(duration_days, life_years) AS duration_days::DOUBLE / (life_years * 365.0);
COMMENT ON MACRO time_share IS 'share; part of the life of a device that a job takes; arXiv 2309.14393 section 4';

CREATE OR REPLACE MACRO sci_energy_kwh(component_count, tdp_w, tdp_coefficient, utilization_share, duration_h) AS
    component_count::DOUBLE * tdp_w * tdp_coefficient * utilization_share * duration_h / 1000;
COMMENT ON MACRO sci_energy_kwh IS 'kWh; energy of a component from its TDP, the share of TDP at its load, and time; ISO/IEC 21031:2024 (SCI), case study eShoppen';

CREATE OR REPLACE MACRO sci_embodied_gco2e(total_embodied_gco2e, time_reserved_h, life_h, resources_reserved_count, resources_count) AS
    total_embodied_gco2e::DOUBLE * time_reserved_h / life_h * resources_reserved_count / resources_count;
COMMENT ON MACRO sci_embodied_gco2e IS 'gCO2e; M = TE x TiR/EL x RR/ToR; ISO/IEC 21031:2024 (SCI)';

CREATE OR REPLACE MACRO sci_gco2e(energy_kwh_count, grid_gco2e_per_kwh, embodied_gco2e) AS energy_kwh_count::DOUBLE * grid_gco2e_per_kwh + embodied_gco2e;
COMMENT ON MACRO sci_gco2e IS 'gCO2e; E x I + M, to be divided by the functional unit R; ISO/IEC 21031:2024 (SCI)';

CREATE OR REPLACE MACRO price_at_start_usd(price_usd, days_since_purchase) AS price_usd::DOUBLE * 10 ** (-0.14::DOUBLE * days_since_purchase / 365.25);
COMMENT ON MACRO price_at_start_usd IS 'USD; value of hardware after a time, as price per performance falls by 0.14 orders of magnitude a year; arXiv 2405.21015 section 2.2';

CREATE OR REPLACE MACRO hardware_amortised_usd(value_at_start_usd, gpu_hours) AS value_at_start_usd::DOUBLE * gpu_hours * (ln(10) * 0.14) / (365.25 * 24);
COMMENT ON MACRO hardware_amortised_usd IS 'USD; loss of value of the hardware over the hours used, at the rate of the start; arXiv 2405.21015 section 2.2';

CREATE OR REPLACE MACRO interconnect_usd(server_usd, interconnect_share := 0.19) AS server_usd::DOUBLE * interconnect_share / (1 - interconnect_share);
COMMENT ON MACRO interconnect_usd IS 'USD; network between servers, 19% of servers and network together; arXiv 2405.21015 appendix';

CREATE OR REPLACE MACRO electricity_cost(energy_kwh_count, price_per_kwh) AS energy_kwh_count::DOUBLE * price_per_kwh;
COMMENT ON MACRO electricity_cost IS 'currency of the price; energy at the meter times its price; derived';
