"""The methods, one module each; the earlier versions of a long one stand in a module of their own, `<method>_past`."""

from __future__ import annotations

from assets.estimated.method import Method
from assets.estimated.methods import (
    compare,
    compute,
    compute_past,
    embodied,
    fine_tuning,
    fleet,
    ownership,
    prompt,
    request,
    sci,
    service,
    serving,
    serving_past,
    site,
    total,
)

METHODS: tuple[Method, ...] = (
    *request.METHODS,
    *embodied.METHODS,
    *sci.METHODS,
    *site.METHODS,
    *prompt.METHODS,
    *fleet.METHODS,
    *service.METHODS,
    serving.SERVING_6,
    *serving_past.METHODS,
    compute.COMPUTE_6,
    *compute_past.METHODS,
    *ownership.METHODS,
    *fine_tuning.METHODS,
    *total.METHODS,
    *compare.METHODS,
)
