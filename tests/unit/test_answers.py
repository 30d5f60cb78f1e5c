"""Answers: what a question's yml sets, how values look, what the page shows."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import nbformat
import pytest

from answers.page import answer, bars, leaders, listed, scatter, table
from answers.questions import Question, format_cell, questions
from answers.report import NOTEBOOK, execute
from cli.program import CommandError, counted


def _node(name: str, columns: str, **meta: object) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "relation_name": f"marts.{name}",
        "columns": dict.fromkeys(columns.split()),
        "config": {"meta": meta},
    }


def _ask(*nodes: dict[str, Any]) -> list[Question]:
    return questions({"nodes": {node["name"]: node for node in nodes}})


def test_models_without_a_question_are_not_listed() -> None:
    assert _ask(_node("fct", "id")) == []


def test_numbered_questions_come_first_then_others_by_model_name() -> None:
    found = _ask(
        _node("b", "x", question="B?"),
        _node("d", "x", question="D?", number=2),
        _node("a", "x", question="A?"),
        _node("c", "x", question="C?", number=1),
    )
    assert [each.title for each in found] == ["1. C?", "2. D?", "A?", "B?"]


def test_question_without_headings_shows_every_column_in_order() -> None:
    [found] = _ask(_node("rpt", "exam_rank exam_id seat_count", question="Q?"))
    assert found.headings == {
        "exam_rank": "exam rank",
        "exam_id": "exam id",
        "seat_count": "seat count",
    }
    assert found.query == (
        "select exam_rank, exam_id, seat_count from marts.rpt "
        "where exam_rank <= 5 order by exam_rank, exam_id"
    )
    [found] = _ask(_node("rpt", "unit seat_count", question="Q?"))
    assert (
        found.query
        == "select unit, seat_count from marts.rpt order by unit, seat_count"
    )


def test_meta_sets_columns_headings_order_and_note() -> None:
    meta = {"headings": {"b": "bees"}, "order_by": "a desc", "note": "buzzing"}
    [found] = _ask(_node("rpt", "a b", question="Q?", **meta))
    assert found.query == "select b from marts.rpt order by a desc"
    assert (found.headings, found.note) == ({"b": "bees"}, "buzzing")


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("x", None, "-"),
        ("x", "text", "text"),
        ("attempt_count", 1200, "1,200"),
        ("mean_score", 0.61321, "0.6132"),
        ("mean_score", 1.0, "1.0000"),
        ("is_key", True, "yes"),
        ("price", Decimal("1.50"), "1.50"),
        ("taken_at", datetime(2018, 1, 2, 3, 4, 5), "2018-01-02 03:04:05"),
        ("taken_date", date(2018, 1, 2), "2018-01-02"),
        # Only exactly 0 and 1 become 0.0% and 100.0%.
        ("attempt_share", 0.0, "0.0%"),
        ("attempt_share", 0.00001, "<0.01%"),
        ("attempt_share", 0.004, "0.40%"),
        ("perfect_rate", 0.125, "12.5%"),
        ("perfect_rate", 0.9999, ">99.9%"),
        ("perfect_rate", 1.0, "100.0%"),
    ],
)
def test_format_cell_formats_each_type(column: str, value: object, text: str) -> None:
    assert format_cell(column, value) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "Nothing is ranked yet."),
        (["a"], "“a” comes first (scores: 3)."),
        (["a", "b"], "“a” and “b” come first (scores: 3)."),
        (["a", "b", "c", "d"], "“a”, “b”, “c” and “d” come first (scores: 3)."),
        ([*"abcde"], "“a”, “b”, “c” and 2 more come first (scores: 3)."),
    ],
)
def test_leaders_are_named_and_a_long_tie_is_shortened(
    names: list[str], text: str
) -> None:
    first = [{"name": name, "n": 3} for name in names]
    said = leaders(first, "name", "n", "scores")
    assert said.replace("\u2068", "").replace("\u2069", "") == text


def test_counted_uses_the_singular_only_for_one() -> None:
    counts = [counted(number, "attempt") for number in (0, 1, 1200)]
    assert counts == ["0 attempts", "1 attempt", "1,200 attempts"]


class _Row(dict[str, Any]):
    asDict = dict.copy  # noqa: N815


RANKING = Question("Q?", "rpt", "marts.rpt", 1, {"r_rank": "rank", "x": "x", "n": "ns"})


def test_ranking_is_shown_as_sentence_bars_with_ties_and_table() -> None:
    rows = [
        _Row(r_rank=1, x="A", n=9),
        _Row(r_rank=1, x="B", n=9),
        _Row(r_rank=3, x="C", n=0),
    ]
    html = answer(RANKING, lambda _: rows).data
    assert '<h3 id="rpt">1. Q?</h3>' in html
    assert "come first (ns: 9)." in html
    assert ["1= A" in html, "1= B" in html, "3. C" in html] == [True] * 3
    assert ["width:78.00%" in html, "width:0.00%" in html] == [True] * 2
    assert '<td class="number" data-sort="9">9</td>' in html
    assert "rpt, ranks 1 to 5 with all ties" in html


def test_error_of_a_failed_query_names_its_question() -> None:
    def fail(_: str) -> list[_Row]:
        raise ValueError("[UNRESOLVED] `n`\nand a long stack")

    with pytest.raises(CommandError, match=r"^“1\. Q\?”: \[UNRESOLVED\] `n`$"):
        answer(RANKING, fail)


def test_empty_ranking_says_that_nothing_is_ranked() -> None:
    html = answer(RANKING, lambda _: []).data
    assert "Nothing is ranked yet." in html
    assert "<figure" not in html
    assert "<table" not in html


def test_sentence_names_values_of_the_first_row_and_of_the_first_column() -> None:
    quartiles = "min_score q1_score median_score q3_score max_score"
    columns = f"grain item_count {quartiles}".split()
    text = (
        "Of {item_count} courses half are above {median_score}, of {attempt} attempts"
    )
    question = _ask(_node("rpt", " ".join(columns), question="Q?", sentence=text))[0]
    rows = [
        _Row(zip(columns, ("course", 2, 0.0, 0.25, 0.5, 0.75, 1.0), strict=True)),
        _Row(zip(columns, ("attempt", 1200, 0.5, 0.5, 0.5, 0.5, 0.5), strict=True)),
    ]
    html = answer(question, lambda _: rows).data
    assert "Of 2 courses half are above 0.5000, of 1,200 attempts" in html
    # A box from a quarter to three quarters of the scale, 70 to 470.
    assert '<rect x="170.0" y="12" width="200.0"' in html
    nothing = [_Row(dict.fromkeys(columns), grain="course", item_count=0)]
    assert "Nothing is counted yet." in answer(question, lambda _: nothing).data


def test_misspelled_meta_is_named_with_its_model() -> None:
    with pytest.raises(CommandError, match=r"heading is unknown: is it headings\?"):
        _ask(_node("rpt", "attempts", question="Q?", heading={"attempts": "a"}))
    assert _ask(_node("rpt", "attempts", question="Q?", owner="A", example="q"))
    with pytest.raises(CommandError, match=r"^rpt: meta\.headings has atempts, which"):
        _ask(_node("rpt", "attempts", question="Q?", headings={"atempts": "a"}))
    [question] = _ask(_node("rpt", "a b", question="Q?", sentence="{c}"))
    with pytest.raises(CommandError, match=r"^rpt: meta\.sentence has 'c', which"):
        answer(question, lambda _: [_Row(a="x", b=1)])


def test_ranking_shows_its_sentence_and_its_note() -> None:
    question = replace(RANKING, sentence="{x} leads.", note="of five or more <ns>")
    html = answer(question, lambda _: [_Row(r_rank=1, x="A", n=9)]).data
    shown, _, hidden = html.partition("<details")
    assert "A leads." in shown and "come first" not in html
    assert "of five or more &lt;ns&gt;" in shown and "<ns>" not in hidden


def test_missing_number_is_aligned_with_the_others() -> None:
    html = table([{"n": 0.5}, {"n": None}], "some").data
    assert '<td class="number">-</td>' in html


def test_long_ranking_draws_the_first_and_counts_the_others() -> None:
    ranks = [1] * 9 + [10] * 3 + [13] * 2
    rows = [_Row(r_rank=rank, x="A", n=20 - rank) for rank in ranks]
    html = answer(RANKING, lambda _: rows).data
    # The tenth row and those that share its rank.
    assert html.count("<i ") == 12
    assert "… and 2 more in the table" in html


def test_scatter_has_a_dot_for_each_row_with_both_values() -> None:
    names = ("course", "correct_rate", "discrimination", "reason")
    rows = (
        ("<Alpha>", 0.0, 1.0, None),
        ("Beta", 1.0, -0.31, "negative_discrimination"),
        ("Gamma", 1.0, None, "too_easy"),
    )
    drawn = scatter(
        [dict(zip(names, row, strict=True)) for row in rows],
        *("correct_rate", "discrimination", "course", "reason", "Items"),
    ).data
    assert '<circle cx="45.0" cy="30.0"' in drawn
    assert "<title>&lt;Alpha&gt;, 0.0%, 1.0000</title>" in drawn
    # The scale reaches down to -0.4, so -0.31 is near its end at the bottom.
    assert '<path d="M455.0 286.0l6 6-6 6-6-6z"' in drawn
    assert drawn.count("<title>") == 2


def test_html_in_data_is_escaped() -> None:
    evil = {"x": "<script>x</script>", "n": 1}
    for html in (
        table([evil], "<b>").data,
        bars([evil], "x", "n", "<b>").data,
        leaders([evil], "x", "n", "n")
        and answer(RANKING, lambda _: [_Row(evil, r_rank=1)]).data,
    ):
        assert "<script>" not in html
        assert "<b>" not in html
    assert listed(["<"]) == "“\u2068<\u2069”"


def test_long_texts_and_tables_are_cut_and_say_so() -> None:
    html = table([{"x": "y" * 400}] * 501, "many").data
    assert "y" * 300 + " […]" in html
    assert "many; the first 500 of 501 rows" in html


def test_error_of_a_failed_cell_names_its_heading_and_reason() -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\n## A section\n\nText."),
        nbformat.v4.new_code_cell("1 / 0"),
    ]
    reason = "cell 2 of the notebook, under “A section”, failed: ZeroDivisionError: div"
    with pytest.raises(CommandError, match=reason):
        execute(nbformat.v4.new_notebook(cells=cells))


def test_notebook_is_valid_and_has_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(cell.outputs == [] and not cell.execution_count for cell in code)
