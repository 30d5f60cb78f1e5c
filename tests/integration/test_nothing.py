"""Before anything is landed: every model builds, and the report says so."""

from playwright.sync_api import Browser

from tests.integration.browser import answers_of, open_report, write_report
from tests.integration.stack import query, run


def test_report_of_nothing_says_so(browser: Browser) -> None:
    run("dbt", "build", "--exclude-resource-type", "test", "unit_test")
    totals = query("select sum(assessment_count) from marts.rpt_assessment_totals")
    assert totals == [(0,)]
    write_report()
    page = open_report(browser)
    assert set(answers_of(page).values()) == {"Nothing is ranked yet."}
    doubts = page.locator(".doubts").inner_text()
    assert doubts.endswith(": no result of a dbt test is on record.")
    page.close()
