"""The report as a file: JSON for programs, HTML for people, JUnit XML for CI."""

from vivavoce.conformance.reports.html import as_html
from vivavoce.conformance.reports.json import as_json
from vivavoce.conformance.reports.junit import as_junit

__all__ = ["as_html", "as_json", "as_junit"]
