"""`make bench-lake`: runs every part, or those named, prints what it measured and keeps it in deploy/measured.json.

    python -m tests.bench_lake                       workers, backfill, readers, daily and history (184 million rows: some 15 minutes, 10 GB of disk)
    python -m tests.bench_lake history --years 1     one part, smaller; what is smaller than the default is printed and not kept

PostgreSQL runs with fsync on; Parquet files lie in a local folder, so that an object store's latency is not in the figures.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from pathlib import Path

import duckdb

from deploy.scale import MEASURED, PARTS


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "load_average": round(os.getloadavg()[1], 1),
    }


def main() -> None:
    """Run the parts and keep what they measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--zones", type=int, default=350, help="history: zones")
    parser.add_argument("--years", type=int, default=5, help="history: years")
    parser.add_argument("--minutes", type=int, default=5, help="history: length of a slot")
    parser.add_argument("--offers", type=int, default=20_000, help="daily: offers of one catalog")
    parser.add_argument("--days", type=int, default=369, help="daily: days")
    parser.add_argument(
        "--folder", type=Path, help="where servers and data lie while it runs; default: a temporary folder"
    )
    chosen = parser.parse_args()
    is_whole = all(getattr(chosen, k) == parser.get_default(k) for k in ("zones", "years", "minutes", "offers", "days"))
    for part in chosen.parts or PARTS:
        print(f"\n== {part}", flush=True)
        found = importlib.import_module(f"tests.bench_lake.{part}").run(chosen)
        if is_whole:
            kept = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
            kept[part] = found | {"machine": machine()}
            MEASURED.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
