"""The report in a real browser."""

from typing import Any

from playwright.sync_api import Browser, Page

from tests.integration.stack import TARGET, run

REPORT = TARGET / "report.html"


def write_report() -> None:
    """Write the report, with the packages of .venv-report."""
    run(".venv-report/bin/python", "-m", "answers.report")


def open_report(browser: Browser, width: int = 1280, scheme: Any = "light") -> Page:
    """Open the report; assert that it requests nothing else and logs no error."""
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page.set_default_timeout(10_000)
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(REPORT.as_uri())
    page.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [REPORT.as_uri()]
    assert complaints == []
    return page


def answers_of(page: Page) -> dict[str, str]:
    """Return the sentence below each question that has one, by model."""
    found = page.locator("h3 + p.answer").all()
    return {
        str(each.locator("xpath=preceding-sibling::h3[1]").get_attribute("id")): str(
            each.text_content()
        )
        for each in found
    }
