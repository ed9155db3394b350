"""A team's own regions (`regions.csv` in the home folder) are read again when the file changes, while the daemon runs."""

import hashlib

import dagster as dg

from assets.reference.assets import reference_key
from assets.reference.override import FILE_NAME
from warehouse.home import Home

LOOK_EVERY_S = 30
#: Tables that the file is laid over.
KEYS = (reference_key("region"), reference_key("region_claim"))
_NO_FILE = "no file"


def _stamp(home: Home) -> str:
    """Changes whenever the file does."""
    path = home.root / FILE_NAME
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else _NO_FILE


@dg.sensor(
    name="reread_own_regions",
    target=dg.AssetSelection.assets(*KEYS),
    minimum_interval_seconds=LOOK_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Loads reference.region again when {FILE_NAME} in the home folder was written, changed or removed.",
)
def reread_own_regions(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per version of the file: a file that is wrong turns that run red, in one line, and is not tried again until it is changed."""
    stamp = _stamp(Home.from_environment())
    if stamp == (context.cursor or _NO_FILE):
        return dg.SkipReason(f"{FILE_NAME} is as it was" if stamp != _NO_FILE else f"this home has no {FILE_NAME}")
    # Without a run key: a version that comes back is a change again.
    return dg.SensorResult(run_requests=[dg.RunRequest(asset_selection=list(KEYS))], cursor=stamp)
