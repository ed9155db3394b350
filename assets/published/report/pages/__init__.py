"""What stands on each page: rows asked, charts drawn; no wording and no markup."""

from assets.published.report.pages.method import method
from assets.published.report.pages.petaday import petaday
from assets.published.report.pages.regions import regions
from assets.published.report.pages.scenarios import scenarios
from assets.published.report.pages.today import today
from assets.published.report.pages.tokens import tokens

#: Page -> what makes it.
MAKERS = {
    "today": today,
    "petaday": petaday,
    "tokens": tokens,
    "regions": regions,
    "scenarios": scenarios,
    "method": method,
}
