"""The texts of the report in both languages, from `texts.json`."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from markupsafe import Markup, escape

LANGUAGES = ("en", "zh")


@cache
def dictionary() -> dict[str, dict[str, str]]:
    """Key -> language -> words."""
    return json.loads(resources.files("assets.published.report").joinpath("texts.json").read_text(encoding="utf-8"))


def words(key: str, language: str = "en", **given: object) -> str:
    """Words of a key in one language; `{name}` is filled from `given`."""
    return dictionary()[key][language].format(**given)


def told(key: str, **given: object) -> Markup:
    """Words in English that the page can switch: both languages stand in the element."""
    return both(*(words(key, language, **given) for language in LANGUAGES))


def both(english: str, chinese: str) -> Markup:
    """A text in English that the page can switch to Chinese."""
    return Markup('<span data-en="{0}" data-zh="{1}">{0}</span>').format(english, chinese)


@cache
def _claims() -> dict[str, dict[str, str]]:
    return json.loads(resources.files("assets.published.report").joinpath("claims_zh.json").read_text(encoding="utf-8"))


def claim_words(claim_id: str, column: str, english: str) -> Markup:
    """A text of `reference.scenario_claim` in both languages; in English alone where it was not translated."""
    return both(english, _claims().get(claim_id, {}).get(column, english))


def label(attribute: str, key: str, **given: object) -> Markup:
    """An attribute in English with its translations beside it."""
    english, chinese = (escape(words(key, language, **given)) for language in LANGUAGES)
    return Markup('{0}="{1}" data-{0}-en="{1}" data-{0}-zh="{2}"').format(Markup(attribute), english, chinese)


def chart_words() -> dict[str, str]:
    """English -> Chinese for the words drawn inside charts."""
    return {entry["en"]: entry["zh"] for key, entry in dictionary().items() if key.startswith("chart.")}
