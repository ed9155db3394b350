"""One module per publisher. A module registers its sources by defining them at top level."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Mapping
from functools import cache

from assets.sources._base import Source
from warehouse.errors import PetadayError


@cache
def all_sources() -> dict[str, Source]:
    """Every source by its id, in order of ids.

    Raises:
        ValueError: if two sources have the same id.
    """
    found: dict[str, Source] = {}
    for module_info in pkgutil.iter_modules(__path__):
        if module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        sources = [value for value in vars(module).values() if isinstance(value, Source)]
        for source in sources:
            if found.setdefault(source.source_id, source) is not source:
                raise ValueError(f"two sources are called {source.source_id!r}")
    return dict(sorted(found.items()))


def source_named(source_id: str) -> Source:
    """The source of that id.

    Raises:
        PetadayError: if there is none; the closest ids are named.
    """
    sources = all_sources()
    if source_id in sources:
        return sources[source_id]
    import difflib

    close = difflib.get_close_matches(source_id, sources, n=3, cutoff=0.4)
    raise PetadayError(
        f"no source {source_id!r}; {'did you mean ' + ', '.join(close) if close else 'there are ' + ', '.join(sources)}?"
    )


def needs_key(source: Source, environment: Mapping[str, str] | None = None) -> str | None:
    """Name of the environment variable that the source needs and that is not set, or None."""
    values = os.environ if environment is None else environment
    return source.key_name if source.key_name and not values.get(source.key_name) else None
