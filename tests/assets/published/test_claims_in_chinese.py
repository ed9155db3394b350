"""Claims, where they hold and where they fail: in both languages, each and every one."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from assets.published.report.texts import claim_words, dictionary

ASSETS = Path(__file__).parents[3] / "assets"
CLAIMS = list(csv.DictReader((ASSETS / "reference" / "scenario_claim.csv").read_text(encoding="utf-8").splitlines()))
CHINESE = json.loads((ASSETS / "published" / "report" / "claims_zh.json").read_text(encoding="utf-8"))


def test_no_translation_is_missing_or_left_over() -> None:
    assert set(CHINESE) == {claim["claim_id"] for claim in CLAIMS}


@pytest.mark.parametrize("column", ["claim", "holds_where", "fails_where"])
def test_figures_are_the_same_in_both_languages(column: str) -> None:
    """Every number of the English text that is written in digits stands in the Chinese one, but for units of ten thousand."""
    for claim in CLAIMS:
        chinese = CHINESE[claim["claim_id"]][column]
        assert re.search(r"[\u4e00-\u9fff]", chinese), claim["claim_id"]
        for figure in re.findall(r"\d[\d,]*\.\d+", claim[column]):
            scaled = {f"{float(figure.replace(',', '')) * 100:g}", figure}  # 1.4 million is 140 ten-thousands
            assert any(number in chinese for number in scaled), (claim["claim_id"], figure, chinese)


def test_a_claim_stands_in_the_page_in_both_languages() -> None:
    claim = CLAIMS[0]
    element = str(claim_words(claim["claim_id"], "claim", claim["claim"]))
    assert 'data-zh="训练 GPT-3' in element
    assert 'data-en="Training GPT-3' in element
    assert (
        str(claim_words("another", "claim", "<b>")) == '<span data-en="&lt;b&gt;" data-zh="&lt;b&gt;">&lt;b&gt;</span>'
    )


def test_every_verdict_has_words() -> None:
    sql = (ASSETS / "published" / "sql" / "scenario_verdict.sql").read_text(encoding="utf-8")
    verdicts = set(re.findall(r"(?:THEN|ELSE) '((?:holds|does not hold|unknown)[^':]*)'", sql))
    assert len(verdicts) >= 4
    assert {f"verdict.{verdict}" for verdict in verdicts} <= set(dictionary())
