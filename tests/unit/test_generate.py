"""The generator writes the same bytes every time, with every quirk of real attempts."""

from __future__ import annotations

import ast
import gzip
import json
import re
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from data.generate import attempts, main

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "assessment-attempts-sample.json"
MESSAGES: list[dict[str, Any]] = json.loads(SAMPLE.read_bytes())
DISTINCT = list({message["keen_id"]: message for message in MESSAGES}.values())
TESTS = [each for each in DISTINCT if each["base_exam_id"] == "example-id"]
SCORED = [each for each in DISTINCT if each["base_exam_id"] != "example-id"]
QUESTIONS = [(each, q) for each in SCORED for q in each["sequences"]["questions"]]
OPTIONS = [(each, option) for each, q in QUESTIONS for option in q["options"]]


def test_default_arguments_write_the_shipped_sample(tmp_path: Path) -> None:
    assert main(["--output", str(tmp_path / "sample.json")]) == 0
    assert (tmp_path / "sample.json").read_bytes() == SAMPLE.read_bytes()


def test_gzip_holds_the_same_bytes_and_no_time_or_name(tmp_path: Path) -> None:
    assert main(["--output", str(tmp_path / "sample.json.gz")]) == 0
    packed = (tmp_path / "sample.json.gz").read_bytes()
    assert gzip.decompress(packed) == SAMPLE.read_bytes()
    assert packed[3:8] == bytes(5)


def test_longer_run_starts_with_the_output_of_a_shorter_run() -> None:
    shorter = list(attempts(170, 5))
    assert list(islice(attempts(10**12, 5), len(shorter))) == shorter


def test_another_seed_gives_other_people_in_the_same_exams() -> None:
    others: list[Any] = list({str(x["keen_id"]): x for x in attempts(500, 7)}.values())
    assert not {x["keen_id"] for x in others} & {x["keen_id"] for x in DISTINCT}
    for field in ("base_exam_id", "exam_name"):
        assert Counter(x[field] for x in others) == Counter(x[field] for x in DISTINCT)


def test_memory_does_not_grow_with_the_number_of_attempts() -> None:
    def peak_bytes(count: int) -> int:
        tracemalloc.start()
        for _ in attempts(count, 3):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(1_200) < 1.5 * peak_bytes(400)


def test_negative_number_exits_with_code_2() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--attempts", "-1"])


def test_unwritable_path_prints_one_line_and_exits_with_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"generate: {tmp_path}: Is a directory\n"


def test_reader_that_closes_the_pipe_early_causes_no_error() -> None:
    command = f"{sys.executable} -m data.generate --attempts 3000 | head -1"
    shell = ["bash", "-o", "pipefail", "-c", command]
    done = subprocess.run(shell, cwd=ROOT, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"[\n", b"")


def _declared(field: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and type of each leaf of the models' fields, as `_leaves` does."""
    if isinstance(field, dict):
        for name, inner in field.items():
            yield from _declared(inner, f"{path}.{name}")
    elif isinstance(field, list):
        yield from _declared(field[0], f"{path}.[]")
    else:
        yield path, field.replace("identifier", "string")


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each path in a message and the Spark type of the value there."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{path}.[]")
    elif value is not None:
        yield path, {str: "string", int: "int", bool: "boolean"}[type(value)]


def test_messages_have_the_shape_that_the_models_declare() -> None:
    macro = (ROOT / "macros" / "attempt_schema.sql").read_text()
    fields = re.search(r"return\((.*?)\) \}\}", macro, re.DOTALL)
    assert fields
    declared = set(_declared(ast.literal_eval(fields[1])))
    assert {leaf for message in MESSAGES for leaf in _leaves(message)} == declared


def test_counts_agree_with_the_questions() -> None:
    for attempt in SCORED:
        questions = attempt["sequences"]["questions"]
        results = Counter(question["user_result"] for question in questions)
        assert attempt["sequences"]["counts"] == {
            "total": len(questions),
            "correct": results["correct"],
            "incorrect": results["incorrect"],
            "incomplete": results["missed_some"],
            "unanswered": results["unanswered"],
            "submitted": len(questions) - results["unanswered"],
            "all_correct": results["correct"] == len(questions),
        }


def test_some_messages_occur_twice_and_some_three_times() -> None:
    assert set(Counter(map(json.dumps, MESSAGES)).values()) == {1, 2, 3}


def test_messages_and_clicks_are_not_in_time_order() -> None:
    times = [float(message["keen_timestamp"]) for message in MESSAGES]
    backwards = sum(later < earlier for earlier, later in pairwise(times))
    assert len(times) / 3 < backwards < len(times) * 2 / 3
    clicks = [(each, option["at"]) for each, option in OPTIONS if "at" in option]
    assert any(at < each["started_at"] for each, at in clicks)
    assert any(
        datetime.fromisoformat(at).timestamp() > float(each["keen_timestamp"])
        for each, at in clicks
    )


def test_test_exam_has_no_counts_and_no_results() -> None:
    assert len(TESTS) == 2
    for test in TESTS:
        assert set(test["sequences"]) == {"attempt", "id", "questions"}
        assert all(set(q) == {"id", "options"} for q in test["sequences"]["questions"])


def test_some_options_have_correct_false_and_some_unchecked_ones_a_time() -> None:
    assert {option.get("correct") for _, option in OPTIONS} == {True, False, None}
    assert any("at" in option and not option["checked"] for _, option in OPTIONS)


def _most_values(pairs: Iterable[tuple[object, object]]) -> int:
    """Return the number of distinct values of the key that has the most."""
    return max(Counter(key for key, _ in set(pairs)).values())


def test_certification_is_null_in_all_attempts_of_some_courses() -> None:
    certifications = {(each["exam_name"], each["certification"]) for each in DISTINCT}
    assert {value for _, value in certifications} == {"false", None}
    assert _most_values(certifications) == 1


def test_exams_share_questions_have_editions_and_reuse_question_ids() -> None:
    papers = set[tuple[str, str, frozenset[str]]]()
    for each in SCORED:
        ids = frozenset(q["id"] for q in each["sequences"]["questions"])
        papers.add((each["exam_name"], each["base_exam_id"], ids))
    exams_with_the_same_questions = _most_values(
        ((name, ids), exam) for name, exam, ids in papers
    )
    editions_of_an_exam = _most_values((exam, ids) for _, exam, ids in papers)
    meanings_of_a_question_id = _most_values(
        (q["id"], frozenset(option["id"] for option in q["options"]))
        for _, q in QUESTIONS
    )
    assert exams_with_the_same_questions == editions_of_an_exam == 2
    assert meanings_of_a_question_id > 2


def test_rankings_have_ties_and_names_have_odd_characters() -> None:
    popularity = Counter(each["exam_name"] for each in SCORED)
    lengths = {
        each["exam_name"]: len(each["sequences"]["questions"]) for each in SCORED
    }
    for ranking in (popularity, lengths):
        top = sorted(ranking.values(), reverse=True)[:6]
        assert len(set(top)) < len(top)
    assert sum(count == min(popularity.values()) for count in popularity.values()) > 1
    assert set("',#&ï") <= set("".join(popularity))
