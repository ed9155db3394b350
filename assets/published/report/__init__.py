"""The report: a static site made from the published file alone, for those who would rather look than read."""

from assets.published.report.site import Report, build, built, front_page

__all__ = ["Report", "build", "built", "front_page"]
