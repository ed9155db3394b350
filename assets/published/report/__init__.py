"""The report: a static site made from the published file alone."""

from assets.published.report.site import Report, build, built, front_page

__all__ = ["Report", "build", "built", "front_page"]
