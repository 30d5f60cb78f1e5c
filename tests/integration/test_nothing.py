"""Before anything is landed: every model builds, and the report says it is empty."""

import pytest
from playwright.sync_api import Browser

from tests.integration.browser import answers_of, open_report, write_report
from tests.integration.stack import Dbt, query

pytestmark = pytest.mark.nightly


def test_report_without_messages_says_nothing_is_ranked(
    browser: Browser, dbt: Dbt
) -> None:
    dbt("build", "--exclude-resource-type", "test", "unit_test")
    totals = query("select sum(assessment_count) from marts.rpt_assessment_totals")
    assert totals == [(0,)]
    write_report()
    page = open_report(browser)
    said = answers_of(page)
    assert set(said.values()) == {"Nothing is ranked yet.", "Nothing is counted yet."}
    doubts = page.locator(".doubts").inner_text()
    assert doubts.endswith(": no result of a dbt test is on record.")
    page.close()
