"""A team's own facts (`regions.csv` and `zone_fuels.csv` in the home folder) are read again when a file changes, while the daemon runs."""

import hashlib

import dagster as dg

from assets.recording import OWN_FILES
from assets.reference.assets import reference_key
from warehouse.home import Home

LOOK_EVERY_S = 30
#: Tables that the files are laid over.
KEYS = (reference_key("region"), reference_key("region_claim"), reference_key("zone_fuel"))
_NO_FILE = "no file"


def _stamp(home: Home) -> str:
    """Hashes of the files."""
    found = [
        (n, hashlib.sha256((home.root / n).read_bytes()).hexdigest()) for n in OWN_FILES if (home.root / n).is_file()
    ]
    return ",".join(f"{name}:{sha256}" for name, sha256 in found) or _NO_FILE


@dg.sensor(
    name="reread_own_regions",
    target=dg.AssetSelection.assets(*KEYS),
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Loads reference tables again when {' or '.join(OWN_FILES)} in the home folder was written, changed or removed.",
)
def reread_own_regions(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per version of the files: a wrong one fails that run with one line and is not tried again until it changes."""
    stamp = _stamp(Home.from_environment())
    if stamp == (context.cursor or _NO_FILE):
        names = " and ".join(OWN_FILES)
        return dg.SkipReason(f"{names} are as they were" if stamp != _NO_FILE else f"this home has no {names}")
    # No run key: going back to an earlier version of a file is a change too.
    return dg.SensorResult(run_requests=[dg.RunRequest(asset_selection=list(KEYS))], cursor=stamp)
