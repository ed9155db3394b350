"""The capabilities, one module each."""

from __future__ import annotations

from assets.estimated.method import Method
from assets.estimated.methods import (
    compare,
    compute,
    embodied,
    fine_tuning,
    fleet,
    ownership,
    prompt,
    request,
    sci,
    service,
    serving,
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
    *serving.METHODS,
    *compute.METHODS,
    *ownership.METHODS,
    *fine_tuning.METHODS,
    *total.METHODS,
    *compare.METHODS,
)
