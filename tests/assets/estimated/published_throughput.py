"""Throughputs and latencies as published: of TensorRT-LLM by NVIDIA, of llama.cpp by one of its users; typed in from there."""

from __future__ import annotations

#: Version 1.0, offline at full load, output tokens a second of all GPUs; not every shape that the page has.
URL_2025 = "https://github.com/NVIDIA/TensorRT-LLM/blob/00f37686aa854010d68bcbd0f4ab000221541ca6/docs/source/performance/perf-overview.md"
SHAPES_2025 = ((128, 2048), (1000, 1000), (2048, 128), (20000, 2000))
#: Model, accelerator, accelerators, format, then a throughput by shape (None: not printed).
FULL_LOAD_2025: tuple[tuple[str, str, int, str, tuple[int | None, ...]], ...] = (
    ("llama-4-scout", "nvidia-b200-sxm-180gb", 1, "fp4", (14_699, 10_591, 3_137, 1_644)),
    ("llama-4-scout", "nvidia-gb200-186gb", 1, "fp4", (15_238, 7_738, 3_295, 1_767)),
    ("llama-4-scout", "nvidia-h200-sxm-141gb", 4, "fp8", (34_316, 21_636, 3_699, 2_105)),
    ("llama-4-scout", "nvidia-h100-sxm-80gb", 4, "fp8", (15_130, 12_129, 3_253, None)),
    ("llama-3.3-70b", "nvidia-b200-sxm-180gb", 1, "fp4", (9_922, 7_007, 1_339, 665)),
    ("llama-3.3-70b", "nvidia-gb200-186gb", 1, "fp4", (11_309, 7_326, 1_450, 755)),
    ("llama-3.3-70b", "nvidia-h200-sxm-141gb", 1, "fp8", (4_336, 2_909, 442, 283)),
    ("llama-3.3-70b", "nvidia-h100-sxm-80gb", 2, "fp8", (6_651, 4_205, 762, 437)),
    ("llama-3.3-70b", "nvidia-rtx-pro-6000-server-96gb", 1, "fp4", (2_422, 1_787, 393, 142)),
    ("qwen3-235b-a22b", "nvidia-b200-sxm-180gb", 8, "fp4", (66_057, 42_391, 7_329, 4_453)),
    ("qwen3-235b-a22b", "nvidia-h200-sxm-141gb", 8, "fp8", (42_821, 23_789, 3_331, 1_876)),
    ("qwen3-235b-a22b", "nvidia-h100-sxm-80gb", 8, "fp8", (19_658, 14_898, None, None)),
    ("qwen3-30b-a3b", "nvidia-b200-sxm-180gb", 1, "fp4", (37_844, 25_828, 6_251, 2_944)),
    ("qwen3-30b-a3b", "nvidia-gb200-186gb", 1, "fp4", (31_311, 17_481, 6_595, 3_203)),
    ("qwen3-30b-a3b", "nvidia-rtx-pro-6000-server-96gb", 1, "fp4", (12_540, 9_910, 3_257, 871)),
    ("qwen3-30b-a3b", "nvidia-rtx-pro-6000-server-96gb", 2, "fp4", (22_744, 16_431, 3_785, 1_558)),
    ("qwen3-30b-a3b", "nvidia-rtx-pro-6000-server-96gb", 4, "fp4", (35_715, 24_046, 4_311, 2_551)),
    ("qwen3-30b-a3b", "nvidia-rtx-pro-6000-server-96gb", 8, "fp4", (52_676, 31_785, 4_798, None)),
    ("llama-4-maverick", "nvidia-b200-sxm-180gb", 8, "fp4", (112_676, 79_617, 18_088, 12_678)),
    ("llama-4-maverick", "nvidia-h200-sxm-141gb", 8, "fp8", (40_572, 31_782, 7_307, 4_106)),
    ("llama-4-maverick", "nvidia-h100-sxm-80gb", 8, "fp8", (10_829, 9_677, None, None)),
    ("llama-3.1-405b", "nvidia-b200-sxm-180gb", 4, "fp4", (8_020, 5_209, 749, 672)),
    ("llama-3.1-405b", "nvidia-gb200-186gb", 4, "fp4", (8_151, 5_389, 797, 739)),
    ("llama-3.1-405b", "nvidia-h200-sxm-141gb", 8, "fp8", (5_348, 3_330, 456, 505)),
    ("llama-3.1-405b", "nvidia-h100-sxm-80gb", 8, "fp8", (4_340, 2_919, 453, 345)),
    ("llama-3.1-8b", "nvidia-h200-sxm-141gb", 1, "fp8", (26_221, 17_744, 3_538, 1_804)),
    ("llama-3.1-8b", "nvidia-h100-sxm-80gb", 1, "fp8", (22_714, 15_220, 3_450, 1_351)),
)

#: Version 0.6.1, a static batch; output tokens a second and GPU. Cache of 8 bits with FP8.
URL_2023 = (
    "https://github.com/NVIDIA/TensorRT-LLM/blob/138f96d45f90b9667426f7c47297d8c06bafac73/docs/source/performance.md"
)
#: Model, accelerator, accelerators, format, batch, prompt, output, tokens a second and GPU.
STATIC_BATCH_2023 = (
    ("gpt-j-6b", "nvidia-h100-sxm-80gb", 1, "fp8", 1024, 128, 128, 26_150),
    ("gpt-j-6b", "nvidia-h100-sxm-80gb", 1, "fp8", 120, 128, 2048, 8_011),
    ("gpt-j-6b", "nvidia-h100-sxm-80gb", 1, "fp8", 64, 2048, 128, 2_551),
    ("gpt-j-6b", "nvidia-h100-sxm-80gb", 1, "fp8", 64, 2048, 2048, 3_327),
    ("llama-7b", "nvidia-h100-sxm-80gb", 1, "fp8", 768, 128, 128, 19_694),
    ("llama-7b", "nvidia-h100-sxm-80gb", 1, "fp8", 112, 128, 2048, 6_818),
    ("llama-7b", "nvidia-h100-sxm-80gb", 1, "fp8", 80, 2048, 128, 2_244),
    ("llama-7b", "nvidia-h100-sxm-80gb", 1, "fp8", 48, 2048, 2048, 2_740),
    ("llama-2-70b", "nvidia-h100-sxm-80gb", 2, "fp8", 1024, 128, 128, 2_657),
    ("llama-2-70b", "nvidia-h100-sxm-80gb", 4, "fp8", 480, 128, 2048, 1_486),
    ("llama-2-70b", "nvidia-h100-sxm-80gb", 2, "fp8", 96, 2048, 128, 306),
    ("llama-2-70b", "nvidia-h100-sxm-80gb", 2, "fp8", 64, 2048, 2048, 547),
    ("falcon-180b", "nvidia-h100-sxm-80gb", 4, "fp8", 1024, 128, 128, 987),
    ("falcon-180b", "nvidia-h100-sxm-80gb", 8, "fp8", 1024, 128, 2048, 724),
    ("falcon-180b", "nvidia-h100-sxm-80gb", 4, "fp8", 64, 2048, 128, 112),
    ("falcon-180b", "nvidia-h100-sxm-80gb", 4, "fp8", 64, 2048, 2048, 264),
    ("gpt-j-6b", "nvidia-l40s-48gb", 1, "fp8", 64, 128, 128, 3_630),
    ("gpt-j-6b", "nvidia-l40s-48gb", 1, "fp8", 64, 128, 2048, 1_859),
    ("gpt-j-6b", "nvidia-l40s-48gb", 1, "fp8", 32, 2048, 128, 616),
    ("gpt-j-6b", "nvidia-l40s-48gb", 1, "fp8", 32, 2048, 2048, 757),
    ("llama-7b", "nvidia-l40s-48gb", 1, "fp8", 64, 128, 128, 3_240),
    ("llama-7b", "nvidia-l40s-48gb", 1, "fp8", 64, 128, 2048, 1_622),
    ("llama-7b", "nvidia-l40s-48gb", 1, "fp8", 32, 2048, 128, 581),
    ("llama-7b", "nvidia-l40s-48gb", 1, "fp8", 16, 2048, 2048, 531),
    ("gpt-j-6b", "nvidia-a100-sxm-80gb", 1, "bf16", 512, 128, 128, 6_374),
    ("gpt-j-6b", "nvidia-a100-sxm-80gb", 2, "bf16", 120, 128, 2048, 2_192),
    ("gpt-j-6b", "nvidia-a100-sxm-80gb", 1, "bf16", 60, 2048, 128, 670),
    ("gpt-j-6b", "nvidia-a100-sxm-80gb", 2, "bf16", 64, 2048, 2048, 903),
    ("llama-7b", "nvidia-a100-sxm-80gb", 1, "bf16", 384, 128, 128, 5_586),
    ("llama-7b", "nvidia-a100-sxm-80gb", 1, "bf16", 60, 128, 2048, 1_928),
    ("llama-7b", "nvidia-a100-sxm-80gb", 1, "bf16", 52, 2048, 128, 591),
    ("llama-7b", "nvidia-a100-sxm-80gb", 2, "bf16", 64, 2048, 2048, 782),
    ("llama-2-70b", "nvidia-a100-sxm-80gb", 4, "bf16", 1280, 128, 128, 670),
    ("llama-2-70b", "nvidia-a100-sxm-80gb", 4, "bf16", 240, 128, 2048, 525),
    ("llama-2-70b", "nvidia-a100-sxm-80gb", 4, "bf16", 120, 2048, 128, 79),
    ("falcon-180b", "nvidia-a100-sxm-80gb", 8, "bf16", 1024, 128, 128, 232),
    ("falcon-180b", "nvidia-a100-sxm-80gb", 8, "bf16", 128, 128, 2048, 180),
)
#: Model, accelerator, accelerators, format, prompt, seconds to the first token of one request.
FIRST_TOKEN_2023 = (
    ("gpt-j-6b", "nvidia-h100-sxm-80gb", 1, "fp8", 128, 0.007),
    ("gpt-j-6b", "nvidia-h100-sxm-80gb", 1, "fp8", 2048, 0.029),
    ("llama-7b", "nvidia-h100-sxm-80gb", 1, "fp8", 128, 0.007),
    ("llama-7b", "nvidia-h100-sxm-80gb", 1, "fp8", 2048, 0.036),
    ("llama-2-70b", "nvidia-h100-sxm-80gb", 4, "fp8", 128, 0.026),
    ("llama-2-70b", "nvidia-h100-sxm-80gb", 4, "fp8", 2048, 0.109),
    ("falcon-180b", "nvidia-h100-sxm-80gb", 8, "fp8", 128, 0.027),
    ("falcon-180b", "nvidia-h100-sxm-80gb", 8, "fp8", 2048, 0.205),
    ("gpt-j-6b", "nvidia-l40s-48gb", 1, "fp8", 128, 0.012),
    ("gpt-j-6b", "nvidia-l40s-48gb", 1, "fp8", 2048, 0.071),
    ("llama-7b", "nvidia-l40s-48gb", 1, "fp8", 128, 0.014),
    ("llama-7b", "nvidia-l40s-48gb", 1, "fp8", 2048, 0.073),
    ("gpt-j-6b", "nvidia-a100-sxm-80gb", 1, "bf16", 128, 0.012),
    ("gpt-j-6b", "nvidia-a100-sxm-80gb", 1, "bf16", 2048, 0.129),
    ("llama-7b", "nvidia-a100-sxm-80gb", 1, "bf16", 128, 0.016),
    ("llama-7b", "nvidia-a100-sxm-80gb", 1, "bf16", 2048, 0.133),
    ("llama-2-70b", "nvidia-a100-sxm-80gb", 4, "bf16", 128, 0.047),
    ("llama-2-70b", "nvidia-a100-sxm-80gb", 4, "bf16", 2048, 0.377),
    ("falcon-180b", "nvidia-a100-sxm-80gb", 8, "bf16", 128, 0.061),
    ("falcon-180b", "nvidia-a100-sxm-80gb", 8, "bf16", 2048, 0.509),
)

#: llama.cpp, December 2023 and May 2024: one card, one request, about 512 tokens written.
URL_LLAMA_CPP = "https://github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference/blob/00dd2bdeb2404263f22bd6c1cd46ce397e341db5/README.md"
#: Model, accelerator, GiB of the weights, tokens a second.
ONE_REQUEST_LLAMA_CPP = (
    ("llama-2-7b", "nvidia-rtx-4080-16gb", 3.82, 118.01),
    ("llama-2-7b", "nvidia-rtx-4080-16gb", 12.63, 44.2),
    ("llama-2-7b", "nvidia-rtx-3090-24gb", 3.82, 120.6),
    ("llama-2-7b", "nvidia-rtx-3090-24gb", 12.63, 51.85),
    ("llama-2-7b", "nvidia-rtx-4090-24gb", 3.82, 149.37),
    ("llama-2-7b", "nvidia-rtx-4090-24gb", 12.63, 60.78),
    ("llama-2-7b", "nvidia-rtx-5000-ada-32gb", 3.82, 99.19),
    ("llama-2-7b", "nvidia-rtx-5000-ada-32gb", 12.63, 36.31),
    ("llama-2-7b", "nvidia-rtx-a6000-48gb", 3.82, 111.57),
    ("llama-2-7b", "nvidia-rtx-a6000-48gb", 12.63, 44.01),
    ("llama-2-7b", "nvidia-rtx-6000-ada-48gb", 3.82, 127.45),
    ("llama-2-7b", "nvidia-rtx-6000-ada-48gb", 12.63, 50.56),
    ("llama-2-7b", "nvidia-h100-pcie-80gb", 3.82, 133.77),
    ("llama-2-7b", "nvidia-h100-pcie-80gb", 12.63, 83.32),
    ("llama-2-70b", "nvidia-rtx-a6000-48gb", 36.37, 15.18),
    ("llama-2-70b", "nvidia-rtx-6000-ada-48gb", 36.37, 17.02),
    ("llama-2-70b", "nvidia-h100-pcie-80gb", 36.37, 25.88),
    ("llama-3-8b", "nvidia-rtx-3070-8gb", 4.58, 72.79),
    ("llama-3-8b", "nvidia-rtx-3080-10gb", 4.58, 109.57),
    ("llama-3-8b", "nvidia-rtx-4070-ti-12gb", 4.58, 83.5),
    ("llama-3-8b", "nvidia-rtx-4080-16gb", 4.58, 108.15),
    ("llama-3-8b", "nvidia-rtx-3090-24gb", 4.58, 115.42),
    ("llama-3-8b", "nvidia-rtx-3090-24gb", 14.96, 47.4),
    ("llama-3-8b", "nvidia-rtx-4090-24gb", 4.58, 130.58),
    ("llama-3-8b", "nvidia-rtx-4090-24gb", 14.96, 54.84),
)
