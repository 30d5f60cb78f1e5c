"""The notebook as it is kept: valid, without outputs, with the questions' own words."""

from datetime import date

import nbformat
import pandas as pd
import pytest
import yaml

from notebooks.presentation import (
    counted,
    leaders,
    listed,
    percent,
    ranking,
    table,
    timeline,
)
from notebooks.report import NOTEBOOK
from services.stack import ROOT


def test_it_is_valid_and_kept_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None


def test_it_asks_the_eight_questions_in_their_own_words() -> None:
    models = [
        yaml.safe_load(file.read_text())["models"][0]
        for file in (ROOT / "models" / "marts" / "answers").glob("*.yml")
    ]
    questions = {
        question
        for model in models
        if (question := model.get("config", {}).get("meta", {}).get("question"))
    }
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    asked = {
        line.removeprefix("### ")[3:]
        for cell in notebook.cells
        for line in cell.source.splitlines()
        if line.startswith("### ") and line.endswith("?")
    }
    assert len(questions) == 8
    assert asked == questions


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "“a”"),
        (["a", "b"], "“a” and “b”"),
        (["a", "b", "c", "d"], "“a”, “b”, “c” and “d”"),
        (["a", "b", "c", "d", "e"], "“a”, “b”, “c” and 2 more"),
    ],
)
def test_a_long_list_of_tied_courses_is_counted(names: list[str], text: str) -> None:
    assert listed(names).replace("\u2068", "").replace("\u2069", "") == text


@pytest.mark.parametrize(
    ("ranks", "counts", "text"),
    [
        ([], [], "No attempt is scored yet."),
        ([1, 2], [3, 1], "“A”: 3 scores below 50, of all."),
        ([1, 1, 3], [1, 1, 0], "“A” and “B”: 1 score below 50 each, of all."),
        ([1, 1], [0, 0], "No course has a score below 50."),
    ],
)
def test_leaders_are_named_with_their_count(
    ranks: list[int], counts: list[int], text: str
) -> None:
    names = ["A", "B", "C"][: len(ranks)]
    frame = pd.DataFrame({"course_rank": ranks, "course_name": names, "n": counts})
    said = leaders(frame, "n", "score", "below 50", note="of all")
    assert said.replace("\u2068", "").replace("\u2069", "") == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.0%"),
        (1 / 131_200, "<0.01%"),
        (0.004, "0.40%"),
        (0.125, "12.5%"),
        (0.9999, ">99.9%"),
        (1.0, "100.0%"),
    ],
)
def test_only_nothing_and_all_look_like_it(share: float, text: str) -> None:
    assert percent(share) == text


def test_yes_and_no_are_sorted_as_words() -> None:
    shown = table(pd.DataFrame({"is_checked": [True, False]}), "words").data
    assert "data-sort" not in shown
    assert 'class="number"' not in shown


def test_an_impossible_year_is_told_and_not_drawn() -> None:
    weeks = pd.DataFrame(
        {"week": [date(1, 1, 1), date(2018, 1, 1)], "attempt_count": [2, 5]}
    )
    drawn = timeline(weeks, "Attempts by week").data
    assert "but for 2 attempts of impossible years" in drawn
    assert "1 week with attempts from 2018-01-01" in drawn
    assert timeline(weeks.head(0), "Attempts by week").data == ""


def test_one_is_no_plural() -> None:
    assert [counted(number, "attempt") for number in (0, 1, 1200)] == [
        "0 attempts",
        "1 attempt",
        "1,200 attempts",
    ]


def test_what_users_wrote_is_shown_and_never_run() -> None:
    frame = pd.DataFrame({"course_name": ["<script>x</script>"], "course_rank": [1]})
    assert "<script>" not in table(frame, "<b>").data
    drawn = ranking(frame.assign(n=[1]), "n", "<b>").data
    assert "<script>" not in drawn
    assert "<b>" not in drawn


def test_numbers_are_written_for_people_and_sorted_as_numbers() -> None:
    frame = pd.DataFrame(
        {"attempt_share": [0.125], "mean_score": [1.0], "n": [1200], "none": [None]}
    )
    shown = table(frame, "numbers").data
    for cell in ("12.5%", "1.0000", "1,200", ">-<"):
        assert cell in shown
    assert 'data-sort="1200"' in shown


def test_tied_courses_are_marked_and_told_to_who_sees_no_chart() -> None:
    frame = pd.DataFrame(
        {"course_rank": [1, 1, 3], "course_name": ["A", "B", "C"], "n": [9, 9, 2]}
    )
    drawn = ranking(frame, "n", "Attempts").data
    assert "1= A: 9; 1= B: 9; 3. C: 2" in drawn


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ufffe", "\uffff"])
def test_a_character_that_no_picture_can_hold_is_marked(character: str) -> None:
    name = f"Half{character}Title"
    drawn = ranking(
        pd.DataFrame({"course_rank": [1], "course_name": [name], "n": [9]}), "n", "N"
    ).data
    assert "1. Half\ufffdTitle" in drawn


def test_names_that_look_alike_are_two_bars() -> None:
    frame = pd.DataFrame(
        {"course_rank": [1, 1], "course_name": ["A\x00", "A\x01"], "n": [9, 9]}
    )
    assert ranking(frame, "n", "N").data.count("9</text>") == 2 * len(
        ("wide", "narrow")
    )


def test_the_parts_of_a_bar_are_told() -> None:
    frame = pd.DataFrame(
        {"course_rank": [1], "course_name": ["A"], "n": [9], "a": [4], "b": [5]}
    )
    assert "1. A: 9 = 4 + 5" in ranking(frame, "n", "N", parts=("a", "b")).data
