"""`make bench`: runs every benchmark, or those named on the command line, and prints ratios."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import tests.bench


def main() -> None:
    """Run benchmarks by module name."""
    wanted = sys.argv[1:]
    for module_info in pkgutil.iter_modules(tests.bench.__path__):
        if not module_info.name.startswith("bench_") or (
            wanted and module_info.name.removeprefix("bench_") not in wanted
        ):
            continue
        print(f"\n== {module_info.name.removeprefix('bench_')}", flush=True)
        importlib.import_module(f"tests.bench.{module_info.name}").run()


if __name__ == "__main__":
    main()
