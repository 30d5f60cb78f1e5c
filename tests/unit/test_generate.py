"""The generator's promises: stable bytes, the known shape, and every known quirk."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from data.generate import DECK_SIZE, TEST_EXAM_ID, attempts, main

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "assessment-attempts-sample.json"

# What the staging models read. A path that is in this table and not in the data would
# be a model's column that is never filled; the other way round, drift.
SHAPE = {
    "keen_timestamp": {"str"},
    "max_attempts": {"str"},
    "started_at": {"str"},
    "base_exam_id": {"str"},
    "user_exam_id": {"str"},
    "keen_created_at": {"str"},
    "certification": {"str", "NoneType"},
    "keen_id": {"str"},
    "exam_name": {"str"},
    "sequences": {"dict"},
    "sequences.attempt": {"int"},
    "sequences.id": {"str"},
    "sequences.counts": {"dict"},
    "sequences.counts.incomplete": {"int"},
    "sequences.counts.submitted": {"int"},
    "sequences.counts.incorrect": {"int"},
    "sequences.counts.all_correct": {"bool"},
    "sequences.counts.correct": {"int"},
    "sequences.counts.total": {"int"},
    "sequences.counts.unanswered": {"int"},
    "sequences.questions": {"list"},
    "sequences.questions[]": {"dict"},
    "sequences.questions[].id": {"str"},
    "sequences.questions[].user_incomplete": {"bool"},
    "sequences.questions[].user_correct": {"bool"},
    "sequences.questions[].user_submitted": {"bool"},
    "sequences.questions[].user_result": {"str"},
    "sequences.questions[].options": {"list"},
    "sequences.questions[].options[]": {"dict"},
    "sequences.questions[].options[].checked": {"bool"},
    "sequences.questions[].options[].at": {"str"},
    "sequences.questions[].options[].id": {"str"},
    "sequences.questions[].options[].submitted": {"int"},
    "sequences.questions[].options[].correct": {"bool"},
}

Attempt = dict[str, Any]


@pytest.fixture(scope="module")
def messages() -> list[Attempt]:
    loaded: list[Attempt] = json.loads(SAMPLE.read_bytes())
    return loaded


@pytest.fixture(scope="module")
def distinct(messages: list[Attempt]) -> list[Attempt]:
    return list({message["keen_id"]: message for message in messages}.values())


@pytest.fixture(scope="module")
def scored(distinct: list[Attempt]) -> list[Attempt]:
    return [each for each in distinct if each["base_exam_id"] != TEST_EXAM_ID]


def _paths(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if path:
        yield path, type(value).__name__
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, f"{path}[]")


def _questions(records: list[Attempt]) -> list[dict[str, Any]]:
    return [each for record in records for each in record["sequences"]["questions"]]


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _is_tied_in_top_five(figures: Counter[str]) -> bool:
    """Whether two of the courses that a top five shows share a rank."""
    ordered = sorted(figures.values(), reverse=True)
    return any(left == right for left, right in pairwise(ordered[:6]))


# Bytes


def test_the_default_arguments_write_the_shipped_sample(tmp_path: Path) -> None:
    written = tmp_path / "sample.json"
    assert main(["--output", str(written)]) == 0
    assert written.read_bytes() == SAMPLE.read_bytes()


def test_another_seed_gives_other_attempts_in_the_same_exams() -> None:
    ours, others = list(attempts(DECK_SIZE, 1)), list(attempts(DECK_SIZE, 2))
    assert not {each["keen_id"] for each in ours} & {each["keen_id"] for each in others}
    assert {each["base_exam_id"] for each in ours} == {
        each["base_exam_id"] for each in others
    }


def test_a_longer_run_begins_with_a_shorter_one() -> None:
    shorter = list(attempts(170, 5))
    assert list(islice(attempts(2_000, 5), len(shorter))) == shorter


def test_the_array_holds_one_object_a_line(messages: list[Attempt]) -> None:
    lines = SAMPLE.read_text(encoding="utf-8").split("\n")
    assert (lines[0], lines[-2], lines[-1]) == ("[", "]", "")
    assert [json.loads(line.removesuffix(",")) for line in lines[1:-2]] == messages


def test_json_lines_hold_the_same_objects(
    tmp_path: Path, messages: list[Attempt]
) -> None:
    written = tmp_path / "sample.jsonl"
    main(["--format", "lines", "--output", str(written)])
    lines = written.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == messages
    compact = json.dumps(messages[0], ensure_ascii=False, separators=(",", ":"))
    assert lines[0] == compact


def test_gzip_holds_the_same_bytes_and_no_time_or_name(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json.gz", tmp_path / "second.json.gz"
    main(["--output", str(first)])
    main(["--output", str(second)])
    assert gzip.decompress(first.read_bytes()) == SAMPLE.read_bytes()
    assert first.read_bytes() == second.read_bytes()
    flags, modified = first.read_bytes()[3], first.read_bytes()[4:8]
    assert (flags, modified) == (0, b"\0\0\0\0")


def test_no_attempts_is_an_empty_array_and_no_lines(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    main(["--attempts", "0"])
    assert json.loads(capsysbinary.readouterr().out) == []
    main(["--attempts", "0", "--format", "lines"])
    assert capsysbinary.readouterr().out == b""


# Command line


def test_a_path_that_cannot_be_written_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path / "absent" / "file.json")]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("can't write ")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("wrong", ["-1", "many", "1.5"])
def test_a_wrong_number_is_exit_code_2(wrong: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--attempts", wrong])
    assert stopped.value.code == 2


def test_it_runs_as_a_script_and_a_reader_may_stop_early() -> None:
    command = [sys.executable, "data/generate.py", "--attempts", "3000"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as script:
        assert script.stdout is not None
        assert script.stderr is not None
        assert script.stdout.readline() == b"[\n"
        script.stdout.close()
        assert script.stderr.read() == b""
        assert script.wait(timeout=60) == 0


# Streaming


def test_attempts_are_made_one_at_a_time() -> None:
    endless = attempts(10**12, 2018)
    assert iter(endless) is endless
    assert len(list(islice(endless, 3))) == 3


def test_memory_does_not_grow_with_the_number_of_attempts() -> None:
    def peak_bytes(count: int) -> int:
        tracemalloc.start()
        for _ in attempts(count, 3):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(1_800) < 1.5 * peak_bytes(600)


# Shape


def test_the_shape_is_what_the_models_read(messages: list[Attempt]) -> None:
    found: dict[str, set[str]] = {}
    for message in messages:
        for path, kind in _paths(message):
            found.setdefault(path, set()).add(kind)
    assert found == SHAPE


def test_times_are_text_in_the_two_known_notations(messages: list[Attempt]) -> None:
    for message in messages:
        seconds, fraction = message["keen_timestamp"].split(".")
        assert len(seconds) == 10
        assert 1 <= len(fraction) <= 7
        assert message["keen_created_at"] == message["keen_timestamp"]
        assert len(message["started_at"]) == len("2018-02-01T00:00:00.000Z")
        assert message["started_at"].endswith("Z")
        assert message["max_attempts"] == "1.0"
        assert message["certification"] in ("false", None)


def test_identifiers_look_like_identifiers(messages: list[Attempt]) -> None:
    for message in messages:
        assert len(message["keen_id"]) == 24
        assert int(message["keen_id"][:8], 16) == int(float(message["keen_timestamp"]))
        assert [len(part) for part in message["user_exam_id"].split("-")] == [
            *(8, 4, 4, 4, 12)
        ]


def test_counts_agree_with_the_questions(scored: list[Attempt]) -> None:
    for attempt in scored:
        verdicts = Counter(each["user_result"] for each in _questions([attempt]))
        total = verdicts.total()
        assert attempt["sequences"]["counts"] == {
            "incomplete": verdicts["missed_some"],
            "submitted": total - verdicts["unanswered"],
            "incorrect": verdicts["incorrect"],
            "all_correct": verdicts["correct"] == total,
            "correct": verdicts["correct"],
            "total": total,
            "unanswered": verdicts["unanswered"],
        }


def test_verdicts_agree_with_what_was_checked(scored: list[Attempt]) -> None:
    for question in _questions(scored):
        right = {each["id"] for each in question["options"] if each.get("correct")}
        checked = {each["id"] for each in question["options"] if each["checked"]}
        if not checked:
            verdict = "unanswered"
        elif checked == right:
            verdict = "correct"
        else:
            verdict = "missed_some" if checked < right else "incorrect"
        assert question["user_result"] == verdict
        assert question["user_correct"] is (verdict == "correct")
        assert question["user_incomplete"] is (verdict == "missed_some")
        assert question["user_submitted"] is (verdict != "unanswered")


# Quirks


def test_copies_are_whole_messages_some_twice_and_some_three_times(
    messages: list[Attempt], distinct: list[Attempt]
) -> None:
    assert len(distinct) == 500
    assert len(messages) == 506
    by_message = Counter(json.dumps(message) for message in messages)
    assert len(by_message) == len(distinct)
    assert {1, 2, 3} == set(by_message.values())


def test_the_test_exam_has_no_counts_and_no_verdicts(distinct: list[Attempt]) -> None:
    tests = [each for each in distinct if each["base_exam_id"] == TEST_EXAM_ID]
    assert len(tests) >= 2
    assert all(len(each["sequences"]["questions"]) == 3 for each in tests)
    assert not any("counts" in each["sequences"] for each in tests)
    questions = _questions(tests)
    assert len(questions) >= 3
    assert all(set(question) == {"options", "id"} for question in questions)


def test_certification_is_null_for_whole_courses(distinct: list[Attempt]) -> None:
    values: dict[str, set[str | None]] = {}
    for attempt in distinct:
        values.setdefault(attempt["exam_name"], set()).add(attempt["certification"])
    assert sum(each == {None} for each in values.values()) >= 2
    assert all(len(each) == 1 for each in values.values())


def test_some_options_spell_out_that_they_are_wrong(scored: list[Attempt]) -> None:
    options = [option for each in _questions(scored) for option in each["options"]]
    assert {option.get("correct") for option in options} == {True, False, None}


def test_a_change_of_mind_leaves_a_time_on_an_unchecked_option(
    scored: list[Attempt],
) -> None:
    options = [option for each in _questions(scored) for option in each["options"]]
    taken_back = [each for each in options if "at" in each and not each["checked"]]
    assert taken_back
    assert not any("submitted" in each for each in taken_back)


def test_a_course_has_two_exams_that_share_their_questions(
    scored: list[Attempt],
) -> None:
    exams: dict[str, dict[str, set[str]]] = {}
    for attempt in scored:
        exam = exams.setdefault(attempt["exam_name"], {})
        questions = exam.setdefault(attempt["base_exam_id"], set())
        questions |= {each["id"] for each in _questions([attempt])}
    pairs = [list(each.values()) for each in exams.values() if len(each) == 2]
    assert pairs
    assert all(first == second for first, second in pairs)


def test_an_exam_was_revised_in_place(scored: list[Attempt]) -> None:
    editions: dict[str, set[str]] = {}
    for attempt in scored:
        edition = editions.setdefault(attempt["base_exam_id"], set())
        edition.add(attempt["sequences"]["id"])
    assert any(len(each) == 2 for each in editions.values())


def test_one_question_id_is_another_question_in_another_course(
    scored: list[Attempt],
) -> None:
    options: dict[str, dict[str, frozenset[str]]] = {}
    for attempt in scored:
        for question in _questions([attempt]):
            known = options.setdefault(question["id"], {})
            known[attempt["exam_name"]] = frozenset(
                each["id"] for each in question["options"]
            )
    assert any(len(set(known.values())) > 2 for known in options.values())


def test_clocks_of_browsers_are_wrong_in_both_directions(
    scored: list[Attempt],
) -> None:
    early = late = 0
    for attempt in scored:
        options = [each for q in _questions([attempt]) for each in q["options"]]
        clicks = sorted(each["at"] for each in options if "at" in each)
        early += bool(clicks) and clicks[0] < attempt["started_at"]
        late += bool(clicks) and _epoch(clicks[-1]) > float(attempt["keen_timestamp"])
    assert early
    assert late


def test_the_file_is_not_in_time_order(messages: list[Attempt]) -> None:
    times = [float(message["keen_timestamp"]) for message in messages]
    backwards = sum(later < earlier for earlier, later in pairwise(times))
    assert len(times) / 3 < backwards < len(times) * 2 / 3


def test_courses_share_the_last_place_and_a_place_in_the_top_five(
    scored: list[Attempt],
) -> None:
    popularity = Counter(attempt["exam_name"] for attempt in scored)
    assert len(popularity) == 40
    assert Counter(popularity.values())[min(popularity.values())] >= 3
    assert _is_tied_in_top_five(popularity)
    ((_, most),) = popularity.most_common(1)
    assert most > len(scored) / 10

    lengths = Counter[str]()
    for attempt in scored:
        lengths[attempt["exam_name"]] = attempt["sequences"]["counts"]["total"]
    assert max(lengths.values()) == 20
    assert _is_tied_in_top_five(lengths)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_what_depends_on_the_deck_holds_for_every_seed(seed: int) -> None:
    records: list[Attempt] = list(attempts(DECK_SIZE, seed))
    distinct = {each["keen_id"]: each for each in records}.values()
    popularity = Counter(each["exam_name"] for each in distinct)
    shipped: list[Attempt] = json.loads(SAMPLE.read_bytes())
    unique = {each["keen_id"]: each for each in shipped}.values()
    assert popularity == Counter(each["exam_name"] for each in unique)
    assert len(records) - len(distinct) >= 5


@pytest.mark.parametrize(
    "is_so",
    [
        pytest.param(lambda name: len(name) >= 60, id="long"),
        pytest.param(lambda name: "'" in name, id="apostrophe"),
        pytest.param(lambda name: "," in name, id="comma"),
        pytest.param(lambda name: "C#" in name and "&" in name, id="punctuation"),
        pytest.param(lambda name: not name.isascii(), id="beyond ASCII"),
    ],
)
def test_a_course_name_is(is_so: Callable[[str], bool], scored: list[Attempt]) -> None:
    assert any(is_so(attempt["exam_name"]) for attempt in scored)


def test_scores_spread_and_courses_differ_in_difficulty(scored: list[Attempt]) -> None:
    by_course: dict[str, list[float]] = {}
    for attempt in scored:
        counts = attempt["sequences"]["counts"]
        by_course.setdefault(attempt["exam_name"], []).append(
            counts["correct"] / counts["total"]
        )
    scores = [score for each in by_course.values() for score in each]
    assert 0.5 < sum(scores) / len(scores) < 0.75
    assert {0.0, 0.5, 1.0} <= set(scores)
    means = [sum(each) / len(each) for each in by_course.values() if len(each) > 10]
    assert max(means) - min(means) > 0.25
