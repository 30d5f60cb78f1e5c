"""The report in a real browser: on nothing, on one attempt, on data with every quirk.

One story, told in this order.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from kafka import KafkaAdminClient, TopicPartition
from playwright.sync_api import Browser, Page, sync_playwright

from tests.integration.stack import (
    STACK,
    ingest,
    produce,
    query,
    run,
    start_fresh,
)
from tests.quirks import RawMessage, assessment, encode, quirk_messages

REPORT = STACK.directory / "target" / "report.html"
# Of each ranking: its number, model, and the column that it is ranked by.
RANKINGS = (
    (2, "rpt_least_common_courses", "attempt_count"),
    (3, "rpt_most_common_courses", "attempt_count"),
    (4, "rpt_longest_courses", "question_count"),
    (6, "rpt_perfect_scores", "perfect_count"),
    (7, "rpt_scores_below_50", "below_50_count"),
    (8, "rpt_incomplete_unanswered_questions", "incomplete_unanswered_count"),
)


@pytest.fixture(scope="module", autouse=True)
def fresh() -> None:
    start_fresh()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "`make test` installs it"
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not run as root.
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )


def _write_report(dbt_command: str = "build") -> None:
    run("dbt", dbt_command)
    run("python", "-m", "notebooks.report")


def _open(browser: Browser, width: int = 1280, scheme: Any = "light") -> Page:
    """The page, having asked for nothing but itself and having reported no error."""
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


def _answer(page: Page, number: int) -> str:
    """The sentence below a question."""
    heading = page.locator("h3", has_text=re.compile(rf"^\s*{number}\. "))
    found = heading.locator("xpath=following::p[contains(@class, 'answer')][1]")
    return found.text_content() or ""


def _numbers(text: str) -> list[int]:
    return [int(each.replace(",", "")) for each in re.findall(r"\b\d[\d,]*\b", text)]


def test_a_report_of_nothing_says_so(browser: Browser) -> None:
    _write_report()
    page = _open(browser)
    assert _numbers(_answer(page, 1)) == [0, 0, 0, 0, 0]
    for number in range(2, 9):
        assert _answer(page, number) == "No attempt is scored yet."
    assert page.locator(".sound").count() == 1
    page.close()


def test_a_report_of_one_attempt_is_of_one(browser: Browser) -> None:
    document = assessment("only", results=["correct", "incorrect"])
    produce([RawMessage(0, 1, None, encode(document))])
    ingest("drain")
    _write_report("run")
    page = _open(browser)
    assert _answer(page, 1) == (
        "1 attempt in 1 message; 1 scored. "
        "Without test exams there are 1 course and 1 exam."
    )
    course = document["exam_name"]
    assert _answer(page, 3) == (
        f"“\u2068{course}\u2069”: 1 attempt, 100.0% of all scored ones."
    )
    assert "mean 0.5000, median 0.5000, from 0.5000 to 0.5000" in _answer(page, 5)
    page.close()


@pytest.fixture(scope="module")
def quirks() -> None:
    produce(quirk_messages())
    # Times that pandas can't hold.
    for year in ("0001", "9999"):
        odd = assessment(f"of {year}", started_at=f"{year}-01-01T00:00:00Z")
        produce([RawMessage(0, 1_520_000_000_000, None, encode(odd))])
    ingest("drain")
    _write_report()


@pytest.mark.usefixtures("quirks")
def test_every_section_is_there_and_the_contents_lead_to_it(browser: Browser) -> None:
    page = _open(browser)
    questions = {
        node["config"]["meta"]["question"]
        for node in _manifest()["nodes"].values()
        if node["path"].startswith("marts/answers/")
    }
    headings = [text.strip() for text in page.locator("h2, h3").all_inner_texts()]
    assert len(questions) == 8
    assert all(
        any(heading.endswith(question) for heading in headings)
        for question in questions
    )
    titles = [text.strip() for text in page.locator("nav a").all_inner_texts()]
    assert titles == headings
    for link in page.locator("nav a").all():
        target = (link.get_attribute("href") or "")[1:]
        assert page.locator(f"[id='{target}']").count() == 1
    page.close()


def _manifest() -> Any:
    return json.loads((STACK.directory / "target" / "manifest.json").read_text())


@pytest.mark.usefixtures("quirks")
def test_each_sentence_agrees_with_its_mart(browser: Browser) -> None:
    page = _open(browser)
    totals = dict(
        query("select unit, assessment_count from marts.rpt_assessment_totals")
    )
    units = ("attempts", "messages", "scored_attempts", "courses", "exams")
    assert _numbers(_answer(page, 1)) == [totals[unit] for unit in units]
    for number, model, column in RANKINGS:
        leaders = query(
            f"select course_name, {column} from marts.{model} where course_rank = 1"
        )
        said = _answer(page, number)
        names = re.findall("“\u2068(.*?)\u2069”", said, re.DOTALL)
        assert set(names) <= {name for name, _ in leaders}
        assert len(names) == (len(leaders) if len(leaders) <= 4 else 3)
        count = re.match(r"(?: and [\d,]+ more)?: ([\d,]+) ", said.rsplit("”", 1)[1])
        assert count
        assert _numbers(count[1]) == [leaders[0][1]]
    [row] = query(
        "select item_count, mean_score, median_score, min_score, max_score "
        "from marts.rpt_course_score_summary where grain = 'course'"
    )
    assert _answer(page, 5) == (
        f"Over the average scores of {row[0]:,} courses: mean {row[1]:.4f}, "
        f"median {row[2]:.4f}, from {row[3]:.4f} to {row[4]:.4f}."
    )
    page.close()


@pytest.mark.usefixtures("quirks")
def test_the_state_of_the_data_is_told(browser: Browser) -> None:
    page = _open(browser)
    outcomes = dict(query("select * from marts.audit_message_outcomes"))
    doubts = page.locator(".doubts").inner_text()
    rejected = sum(outcomes.values()) - outcomes["accepted"] - outcomes["duplicate"]
    assert f"{rejected:,} messages rejected" in doubts
    state = page.locator("p.note").first.inner_text()
    told = [sum(outcomes.values()), outcomes["accepted"], outcomes["duplicate"]]
    assert _numbers(state)[:4] == [*told, rejected]
    rows = page.locator("table").first.locator("tbody tr").all()
    shown = {tuple(row.locator("td").all_inner_texts()) for row in rows}
    assert shown == {(outcome, f"{count:,}") for outcome, count in outcomes.items()}
    page.close()


@pytest.fixture
def kept_report() -> Iterator[None]:
    """The report of the quirks is there again for the tests that follow."""
    before = REPORT.read_text()
    yield
    REPORT.write_text(before)


def _doubts(browser: Browser) -> str:
    run("python", "-m", "notebooks.report")
    page = _open(browser)
    said = page.locator(".doubts").inner_text()
    page.close()
    return said


@pytest.mark.usefixtures("quirks", "kept_report")
def test_whatever_speaks_against_the_numbers_is_told(browser: Browser) -> None:
    query("insert into marts.dim_exams select * from marts.dim_exams limit 1")
    run("dbt", "test", "--select", "unique_dim_exams_exam_id", exit_code=1)
    produce([RawMessage(0, 2, None, b"not landed")])
    said = _doubts(browser)
    assert "1 message of the topic not landed yet" in said
    assert "1 dbt test failed" in said

    ingest("drain")
    run("dbt", "docs", "generate")
    said = _doubts(browser)
    assert "1 landed message not in the marts yet" in said
    assert "no result of a dbt test is on record" in said

    produce([RawMessage(0, 3, None, b"never landed")])
    with closing(KafkaAdminClient(bootstrap_servers=STACK.bootstrap_servers)) as admin:
        admin.delete_records({TopicPartition(STACK.topic, 0): -1})
    assert "1 offset left the topic and never landed" in _doubts(browser)


@pytest.mark.usefixtures("quirks")
def test_a_table_is_sorted_by_mouse_and_by_keyboard(browser: Browser) -> None:
    page = _open(browser)
    table = page.locator("table", has_text="rpt_course_scores: every course")

    def column(number: int) -> list[str]:
        return table.locator(f"tbody tr td:nth-child({number})").all_inner_texts()

    attempts = sorted(_numbers(" ".join(column(2))))
    assert column(2) != [str(count) for count in attempts], "sorted by score at first"
    heading = table.locator("th").nth(1)
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert _numbers(" ".join(column(2))) == attempts
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert _numbers(" ".join(column(2))) == attempts[::-1]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") is None
    assert table.locator("th").nth(0).get_attribute("aria-sort") == "ascending"
    page.close()


@pytest.mark.usefixtures("quirks")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everyone_can_read_it(browser: Browser, width: int, scheme: str) -> None:
    page = _open(browser, width, scheme)
    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.locator("figure [role=img]").all()
    assert len(pictures) == 9
    for picture in pictures:
        assert re.search(r": [\d.,]+", picture.get_attribute("aria-label") or "")
    page.close()


@pytest.mark.usefixtures("quirks")
def test_a_broken_mart_fails_the_report_with_the_cell_and_the_reason() -> None:
    before = REPORT.read_text()
    table = "marts.rpt_perfect_scores"
    query(f"alter table {table} rename column perfect_count to flawless_count")
    failed = run("python", "-m", "notebooks.report", exit_code=1).stderr
    query(f"alter table {table} rename column flawless_count to perfect_count")
    assert failed.count("\n") == 1
    assert "under “6. What are courses with the highest number of perfect" in failed
    assert "perfect_count" in failed
    assert REPORT.read_text() == before
