"""Generate assessment attempts of invented people, in the shape the exam player sends.

They have the quirks of real attempts, because clean data would test nothing: messages
that are delivered repeatedly, a test exam without counts, exams that share questions,
wrong clocks, no time order. `catalogue.toml` holds the courses and their own quirks.

Every 500 attempts contain each course as often as the catalogue says, so rankings and
their ties are the same for every seed. A longer run starts with the output of a shorter
run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import sys
import tomllib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate, chain, islice, repeat
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

from cli import program

Record = dict[str, object]

CATALOGUE = Path(__file__).with_name("catalogue.toml")
COPY_EVERY = 83  # attempts, so 1.2 % of the messages are copies
COPY_WINDOW = 256  # a copy is one of this many recent attempts
TEST_QUESTIONS_SHOWN = 3
LONGEST_WAIT_MS = 6 * 3_600_000


@dataclass(frozen=True)
class Course:
    """A course of catalogue.toml, which explains the fields."""

    name: str
    attempts: list[int]
    questions: int
    ease: float
    attempts_before_revision: int = 0
    certification_is_null: bool = False
    series: str | None = None
    spells_out_wrong: bool = False
    test_exam_id: str | None = None


@dataclass(frozen=True)
class Question:
    """A question; the first `right_count` options are right."""

    question_id: str
    option_ids: list[str]
    right_count: int
    log_odds: float


@dataclass(frozen=True)
class Paper:
    """One edition of an exam."""

    course: Course
    exam_id: str
    sequence_id: str
    questions: list[Question]


@dataclass
class Person:
    """Somebody who sits an exam. `now` is their browser's clock in epoch ms."""

    rng: Random
    now: int

    def wait(self, median_seconds: float, spread: float) -> None:
        """Wait, mostly for a short while and sometimes for very long (log-normal)."""
        pause = int(1000 * median_seconds * math.exp(self.rng.gauss(0, spread)))
        self.now += min(pause, LONGEST_WAIT_MS)


def _uuid(rng: Random) -> str:
    """Return a version 4 UUID from `rng`: `uuid.uuid4` takes no seed."""
    bits = rng.getrandbits(128)
    text = f"{bits:032x}"
    variant = "89ab"[bits & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def _iso(milliseconds: int) -> str:
    moment = datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)
    return moment.isoformat("T", "milliseconds") + "Z"


def _deck(catalogue: dict[str, Any]) -> list[Paper]:
    """Return each paper as often as it occurs in 500 attempts.

    Ids have a fixed seed, so files generated with different seeds have the same exams
    and can be published to one topic.
    """
    rng = Random(1)
    patterns = catalogue["option_patterns"]
    weights = [pattern["weight"] for pattern in patterns]

    def question(question_id: str, log_odds: float) -> Question:
        pattern = rng.choices(patterns, weights)[0]
        option_ids = [_uuid(rng) for _ in range(pattern["options"])]
        return Question(question_id, option_ids, pattern["right"], log_odds)

    def paper(course: Course, sequence_id: str, first_id: str | None) -> Paper:
        ids = [_uuid(rng) for _ in range(course.questions)]
        ids[0] = first_id or ids[0]
        # Questions differ, but on average they are as easy as the course.
        spread = [rng.gauss(0, 0.7) for _ in ids]
        base = math.log(course.ease / (1 - course.ease)) - sum(spread) / len(ids)
        odds = [base + own for own in spread]
        questions = [question(*each) for each in zip(ids, odds, strict=True)]
        exam_id = course.test_exam_id or _uuid(rng)
        return Paper(course, exam_id, sequence_id, questions)

    deck: list[Paper] = []
    series: dict[str, tuple[str, str]] = {}
    for entry in catalogue["courses"]:
        course = Course(**entry)
        sequence_id, first_id = _uuid(rng), None
        if course.series:
            sequence_id, first_id = series.setdefault(
                course.series, (sequence_id, _uuid(rng))
            )
        first = paper(course, sequence_id, first_id)
        deck += [first] * course.attempts[0]
        for count in course.attempts[1:]:
            deck += [replace(first, exam_id=_uuid(rng), sequence_id=_uuid(rng))] * count
        if course.attempts_before_revision:
            older = replace(paper(course, _uuid(rng), None), exam_id=first.exam_id)
            deck += [older] * course.attempts_before_revision
    return deck


def _starts(rng: Random, catalogue: dict[str, Any]) -> Iterator[int]:
    """Yield start times in epoch ms: a few in one hour, then a few in another."""
    first_day = catalogue["first_day"]
    totals = list(
        accumulate(
            catalogue["weekday_weights"][(first_day + timedelta(day)).weekday()] * hour
            for day in range(catalogue["days"])
            for hour in catalogue["hour_weights"]
        )
    )
    origin = int(datetime.combine(first_day, time(), UTC).timestamp()) * 1000
    while True:
        hour = rng.choices(range(len(totals)), cum_weights=totals)[0]
        for _ in range(rng.randint(2, 12)):
            yield origin + hour * 3_600_000 + int(rng.random() * 3_600_000)


def _clock_error(rng: Random) -> int:
    """Return how far a browser's clock is ahead of the server's, in milliseconds."""
    kind = rng.random()
    if kind < 0.82:
        return int(rng.gauss(0, 300))
    if kind < 0.985:
        return int(rng.gauss(0, 15_000))
    if kind < 0.999:
        return int(rng.expovariate(1 / 300_000))
    return int(rng.uniform(8, 14) * 3_600_000)


def _skipped(rng: Random, question_count: int) -> set[int]:
    """Return the positions of the questions that are not answered: mostly none."""
    if rng.random() >= 0.068:
        return set()
    positions = range(question_count)
    kind = rng.random()
    if kind < 0.42:
        return {rng.choice(positions)}
    if kind < 0.80:
        return set(positions) - {rng.choice(positions)}
    if kind < 0.95:
        return {position for position in positions if rng.random() < 0.5}
    return set(positions)


def _choice(rng: Random, question: Question, knows: bool) -> tuple[str, list[int]]:
    """Return the player's result and the options that are checked.

    `missed_some` is an incomplete answer: nothing wrong, but not all that is right.
    """
    right = range(question.right_count)
    wrong = range(question.right_count, len(question.option_ids))
    if knows:
        return "correct", list(right)
    several = len(right) > 1
    if several and (not wrong or rng.random() < 0.54):
        return "missed_some", rng.sample(right, rng.randrange(1, len(right)))
    checked = [rng.choice(wrong)]
    if several:
        checked += [index for index in right if rng.random() < 0.6]
    return "incorrect", checked


def _clicks(person: Person, question: Question, checked: list[int]) -> dict[int, int]:
    """Return when, in epoch ms, each of `checked` and sometimes another was clicked."""
    if person.rng.random() < 0.08:
        spare = [n for n in range(len(question.option_ids)) if n not in checked]
        checked = [person.rng.choice(spare), *checked] if spare else checked
    clicked: dict[int, int] = {}
    for option in checked:
        clicked[option] = person.now
        person.wait(1.6, 0.9)
    return clicked


def _options(
    rng: Random,
    course: Course,
    question: Question,
    clicked: dict[int, int],
    checked: Iterable[int],
) -> list[Record]:
    """Return the options in the order and with the fields that the player sends."""
    order = list(range(len(question.option_ids)))
    rng.shuffle(order)
    wrong: Record = {"correct": False} if course.spells_out_wrong else {}
    options: list[Record] = []
    for index in order:
        option: Record = {"checked": index in checked}
        correct = {"correct": True} if index < question.right_count else wrong
        if index not in clicked:
            option |= correct
            option["id"] = question.option_ids[index]
        else:
            option["at"] = _iso(clicked[index])
            option["id"] = question.option_ids[index]
            if index in checked and not course.test_exam_id:
                option["submitted"] = 1
            option |= correct
        options.append(option)
    return options


def _sequences(person: Person, paper: Paper) -> Record:
    """Return what a person did with an exam."""
    rng = person.rng
    shown = rng.sample(paper.questions, len(paper.questions))
    skipped = _skipped(rng, len(shown))
    ability = rng.gauss(0.3, 1.1)
    slowness = math.exp(rng.gauss(0, 0.6))
    order = list(range(len(shown)))
    if rng.random() < 0.15:
        rng.shuffle(order)

    results: list[str] = []
    answers: list[Record] = [{}] * len(shown)
    for position in order:
        question = shown[position]
        result, checked = "unanswered", list[int]()
        if position not in skipped:
            knows = rng.random() < 1 / (1 + math.exp(-question.log_odds - ability))
            result, checked = _choice(rng, question, knows)
            person.wait(5.5 * slowness, 1.1)
        clicked = _clicks(person, question, checked)
        results.append(result)
        answers[position] = {
            "user_incomplete": result == "missed_some",
            "user_correct": result == "correct",
            "options": _options(rng, paper.course, question, clicked, checked),
            "user_submitted": result != "unanswered",
            "id": question.question_id,
            "user_result": result,
        }
    total = len(shown)
    return {
        "questions": answers,
        "attempt": 1,
        "id": paper.sequence_id,
        "counts": {
            "incomplete": results.count("missed_some"),
            "submitted": total - results.count("unanswered"),
            "incorrect": results.count("incorrect"),
            "all_correct": results.count("correct") == total,
            "correct": results.count("correct"),
            "total": total,
            "unanswered": results.count("unanswered"),
        },
    }


def _test_sequences(person: Person, paper: Paper) -> Record:
    """Return what a developer did with the test exam: a few clicks, no results."""
    rng = person.rng
    questions: list[Record] = []
    for question in rng.sample(paper.questions, TEST_QUESTIONS_SHOWN):
        clicked: dict[int, int] = {}
        if rng.random() < 0.5:
            clicked[rng.randrange(len(question.option_ids))] = person.now
            person.wait(1.6, 0.5)
        options = _options(rng, paper.course, question, clicked, clicked)
        questions.append({"options": options, "id": question.question_id})
    return {"attempt": 1, "id": paper.sequence_id, "questions": questions}


def _attempt(rng: Random, paper: Paper, started: int) -> Record:
    clock_error = _clock_error(rng)
    person = Person(rng, started + clock_error)
    person.wait(3, 1.2)
    if rng.random() < 0.07:
        person.wait(600, 1.5)
    sit = _test_sequences if paper.course.test_exam_id else _sequences
    sequences = sit(person, paper)
    person.wait(0.8, 1.1)

    recorded = (person.now - clock_error) / 1000 + rng.random() / 1000
    if rng.random() < 1 / 3:
        recorded = round(recorded, 6)
    return {
        "keen_timestamp": repr(recorded),
        "max_attempts": "1.0",
        "started_at": _iso(started),
        "base_exam_id": paper.exam_id,
        "user_exam_id": _uuid(rng),
        "sequences": sequences,
        "keen_created_at": repr(recorded),
        "certification": None if paper.course.certification_is_null else "false",
        "keen_id": f"{int(recorded):08x}{rng.getrandbits(64):016x}",
        "exam_name": paper.course.name,
    }


def attempts(count: int, seed: int) -> Iterator[Record]:
    """Yield `count` distinct attempts and, among them, copies of recent ones.

    A copy repeats the whole message. Of every five copies, two pairs have the same
    original, so these messages occur three times.
    Memory holds COPY_WINDOW attempts, whatever `count` is.
    """
    rng = Random(seed)
    catalogue = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    starts = _starts(rng, catalogue)
    decks = (rng.sample(deck, len(deck)) for deck in repeat(_deck(catalogue)))
    papers = islice(chain.from_iterable(decks), count)
    recent: deque[Record] = deque(maxlen=COPY_WINDOW)
    for number, paper in enumerate(papers, start=1):
        attempt = _attempt(rng, paper, next(starts))
        yield attempt
        recent.append(attempt)
        if number % COPY_EVERY == 0:
            if number // COPY_EVERY % 5 not in (2, 4):
                place = rng.randrange(len(recent))
                original = recent[place]
                del recent[place]
            yield original


def _write(records: Iterable[Record], output: str) -> None:
    """Write a JSON array, one object per line, to a path or to standard output."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with ExitStack() as stack:
        file: BinaryIO | gzip.GzipFile = sys.stdout.buffer
        if output != "-":
            file = stack.enter_context(Path(output).open("wb"))
        if output.endswith(".gz"):
            # No name and no time, because the same arguments must give the same bytes.
            file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
        file.write(b"[")
        before = "\n"
        for record in records:
            file.write((before + encode(record)).encode())
            before = ",\n"
        file.write(b"\n]\n")
        file.flush()


def _run(arguments: argparse.Namespace) -> None:
    try:
        _write(attempts(arguments.attempts, arguments.seed), arguments.output)
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python flushes standard output once
        # more when it exits, and must not fail there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def whole_number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def main(argv: list[str] | None = None) -> int:
    parser = program.parser(
        "python -m data.generate",
        "Generate assessment attempts with invented people and courses. The same "
        "arguments always give the same bytes. One message is repeated for every "
        f"{COPY_EVERY} attempts.",
        "  python -m data.generate --attempts 9000 --output big.json.gz\n",
    )
    parser.add_argument(
        "--attempts",
        type=whole_number,
        default=500,
        help="how many distinct attempts (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=whole_number,
        default=2018,
        help="another seed changes people, not exams (default: %(default)s)",
    )
    parser.add_argument(
        "--output", default="-", help="a path (gzip if it ends in .gz), or - for stdout"
    )
    return program.run(_run, parser.parse_args(argv), "generate")


if __name__ == "__main__":
    sys.exit(main())
