"""Generate assessment attempts: invented people, courses and ids, lifelike shape.

The pipeline needs a file to start with and files of any size to be measured with.
These attempts have the nested shape that the exam player sends and the quirks its
data is known for, because a clean file would prove nothing:

- messages that were delivered again, whole, with the same ``keen_id``;
- a test exam (``example-id``) whose attempts carry no ``counts`` and whose questions
  carry no ``user_*`` field;
- courses whose ``certification`` is null, and one that spells out ``correct: false``
  where the others leave ``correct`` away;
- two exams under one course that share their question ids, one exam that was revised
  in place, and question ids that mean different questions in different courses;
- browsers whose clock is wrong, so that an ``at`` may lie before ``started_at`` or
  after ``keen_timestamp``;
- a file that is not in time order, and rankings with ties.

Courses are dealt from a deck, like cards: every ``DECK_SIZE`` attempts hold each course
as often as its ``deals`` say. Popularity, ties, the test exam and every quirk that
belongs to a course therefore hold by construction, whatever the seed. A longer run
begins with the attempts of a shorter one.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import math
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import BinaryIO, Final, cast

Record = dict[str, object]

DEFAULT_ATTEMPTS: Final = 500
DEFAULT_SEED: Final = 2018
TEST_EXAM_ID: Final = "example-id"

COPY_EVERY: Final = 83
"""One message is delivered again after this many attempts: 1.2 % of the file."""

COPY_WINDOW: Final = 256
"""How many recent attempts a copy is drawn from; what bounds the memory."""

CATALOGUE_SEED: Final = 1
"""Courses, exams and questions are the same for every seed: a new seed is new people,
so that files with different seeds can be published to one topic."""

FIRST_DAY: Final = date(2018, 2, 1)
DAYS: Final = 69
WEEKDAY_WEIGHTS: Final = (9, 12, 10, 11, 8, 4, 5)
HOUR_WEIGHTS: Final = (
    *(5, 5, 4, 4, 5, 6, 10, 9, 9, 9, 9, 10),
    *(9, 14, 14, 14, 12, 13, 9, 9, 9, 13, 8, 6),
)
LONGEST_PAUSE_MS: Final = 6 * 60 * 60 * 1000
PROGRESS_EVERY: Final = 10_000


@dataclass(frozen=True)
class Course:
    """A course and how its attempts turn out.

    ``deals`` holds, for each exam of the course, its attempts in every deck; the first
    exam has, on top, ``revised`` attempts at an older edition with other questions.
    ``ease`` is about the share of answers that are right, above 0 and below 1.
    """

    name: str
    question_count: int
    deals: tuple[int, ...]
    ease: float
    certification: str | None = "false"
    revised: int = 0
    series: str | None = None
    spells_out_wrong: bool = False


COURSES: Final = (
    Course("Version Control from Scratch", 5, (62,), 0.70),
    Course("Everyday SQL for Analysts", 4, (31,), 0.58, series="data"),
    Course("First Steps in Python", 5, (23, 8), 0.74),
    Course("Statistics for Curious People", 7, (27,), 0.52),
    Course("Writing Small Programs That Last", 4, (25,), 0.66),
    Course("A Beginner's Guide to Computer Networks", 4, (25,), 0.47),
    Course("Shell Scripting Without Tears", 4, (22,), 0.61),
    Course("C# in Practice: Types, Generics & LINQ", 4, (20,), 0.55),
    Course("Sketching a Software Design", 5, (15,), 0.79, revised=4),
    Course("Naïve Bayes and Other Honest Classifiers", 4, (18,), 0.42),
    Course("Java at a Walking Pace", 4, (17,), 0.63),
    Course("Spreadsheets Beyond the Basics", 3, (16,), 0.81),
    Course("Administering a Linux Server", 8, (15,), 0.57),
    Course("Building Web Pages by Hand", 4, (15,), 0.76),
    Course("Cloud Storage Explained", 4, (14,), 0.49),
    Course("Testing Code You Did Not Write", 6, (13,), 0.60),
    Course("Regular Expressions Step by Step", 3, (12,), 0.38),
    Course("Charts That Tell the Truth", 4, (11,), 0.84),
    Course("Accessible Interfaces for Everyone", 4, (10,), 0.71, certification=None),
    Course("Queues, Streams and Logs", 4, (10,), 0.53, series="data"),
    Course("Data Modelling for Warehouses", 5, (9,), 0.50, series="data"),
    Course("Introduction to Functional Thinking", 4, (8,), 0.45),
    Course(
        "Designing Surveys and Questionnaires That People Will Actually Finish",
        question_count=3,
        deals=(8,),
        ease=0.88,
    ),
    Course("Time Series for Operations Teams", 4, (7,), 0.54),
    Course("Securing Small Networks", 4, (7,), 0.62),
    Course("The Well-Tempered API", 6, (6,), 0.67, certification=None),
    Course("Maps and Location Data", 4, (6,), 0.59),
    Course("Compilers for the Rest of Us", 10, (3, 2), 0.36),
    Course("Measuring Web Performance", 4, (5,), 0.64),
    Course(
        "From One Large Program to Many Services: Splitting It Without Stopping It",
        question_count=4,
        deals=(4,),
        ease=0.56,
    ),
    Course("Soldering and Simple Circuits", 2, (4,), 0.90),
    Course("Clear Writing for Engineers", 7, (3,), 0.83, certification=None),
    Course("Graph Theory in an Afternoon", 1, (3,), 0.40),
    Course("Running a Blameless Review", 5, (2,), 0.86),
    Course("Sets, Relations and Missing Values", 3, (2,), 0.48, series="data"),
    Course("Packaging and Releasing Libraries", 4, (2,), 0.65),
    Course("Recommender Systems at Home", 3, (1,), 0.44),
    Course("Reading Other People's Code", 1, (1,), 0.72),
    Course(
        "Keeping Containers Alive: Scheduling, Storage, Networking and Upgrades",
        question_count=20,
        deals=(1,),
        ease=0.51,
        certification=None,
        spells_out_wrong=True,
    ),
    Course("Public Speaking for Quiet Minds", 2, (1,), 0.87),
)

TEST_COURSE: Final = Course(
    "Trial Exam for Checking the Player (ignore me)", 5, (2,), 0.5
)
TEST_QUESTIONS_SHOWN: Final = 3

OPTION_PATTERNS: Final = {
    (2, 1): 14,
    (3, 1): 84,
    (3, 2): 14,
    (3, 3): 8,
    (4, 1): 210,
    (4, 2): 46,
    (4, 3): 46,
    (4, 4): 10,
    (5, 1): 4,
    (5, 4): 8,
    (6, 1): 3,
    (6, 3): 5,
}
"""How many options a question has and how many of them are right: relative weights."""


@dataclass(frozen=True)
class Question:
    """A question as its author wrote it; ``right`` and ``wrong`` index the options."""

    question_id: str
    option_ids: tuple[str, ...]
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    log_odds: float


@dataclass(frozen=True)
class Paper:
    """One edition of an exam: what every attempt at it has in common."""

    exam_id: str
    sequence_id: str
    course: Course
    questions: tuple[Question, ...]


def _uuid(rng: Random) -> str:
    """Return a version 4 UUID from ``rng``: ``uuid.uuid4`` can't be seeded."""
    bits = rng.getrandbits(128)
    text = f"{bits:032x}"
    variant = "89ab"[bits & 3]
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"


def _question(rng: Random, question_id: str, log_odds: float) -> Question:
    patterns, weights = list(OPTION_PATTERNS), list(OPTION_PATTERNS.values())
    option_count, right_count = rng.choices(patterns, weights)[0]
    return Question(
        question_id,
        tuple(_uuid(rng) for _ in range(option_count)),
        tuple(range(right_count)),
        tuple(range(right_count, option_count)),
        log_odds,
    )


def _catalogue() -> tuple[list[tuple[Paper, int]], Paper]:
    """Return every paper with its attempts per deck, and the test exam's paper.

    The exams of one course share their question ids, as a copied exam does. The courses
    of one series share a sequence id and the id of their first question, though the
    question differs: an id alone names no question across exams.
    """
    rng = Random(CATALOGUE_SEED)
    series: dict[str, tuple[str, str]] = {}
    papers: list[tuple[Paper, int]] = []

    def written(course: Course, sequence_id: str, first_id: str | None) -> Paper:
        ids = [_uuid(rng) for _ in range(course.question_count)]
        if first_id is not None:
            ids[0] = first_id
        # Questions differ, but their mean is the course's, also with few questions.
        spread = [rng.gauss(0, 0.7) for _ in ids]
        base = math.log(course.ease / (1 - course.ease)) - sum(spread) / len(ids)
        questions = tuple(
            _question(rng, question_id, base + own)
            for question_id, own in zip(ids, spread, strict=True)
        )
        return Paper(_uuid(rng), sequence_id, course, questions)

    for course in COURSES:
        sequence_id, first_id = _uuid(rng), None
        if course.series is not None:
            sequence_id, first_id = series.setdefault(
                course.series, (sequence_id, _uuid(rng))
            )
        paper = written(course, sequence_id, first_id)
        papers.append((paper, course.deals[0]))
        for attempts_per_deck in course.deals[1:]:
            other = Paper(_uuid(rng), _uuid(rng), course, paper.questions)
            papers.append((other, attempts_per_deck))
        if course.revised:
            older = written(course, _uuid(rng), None)
            edition = Paper(paper.exam_id, older.sequence_id, course, older.questions)
            papers.append((edition, course.revised))
    test = written(TEST_COURSE, _uuid(rng), None)
    return papers, Paper(TEST_EXAM_ID, test.sequence_id, TEST_COURSE, test.questions)


PAPERS, TEST_PAPER = _catalogue()
DECK: Final = tuple(paper for paper, dealt in PAPERS for _ in range(dealt)) + (
    TEST_PAPER,
) * sum(TEST_COURSE.deals)
DECK_SIZE: Final = len(DECK)


@cache
def _date_text(day: int) -> str:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()


def _iso(milliseconds: int) -> str:
    """Return epoch milliseconds as ISO 8601 with Z; twice as fast as ``datetime``."""
    day, rest = divmod(milliseconds, 86_400_000)
    hour, rest = divmod(rest, 3_600_000)
    minute, rest = divmod(rest, 60_000)
    second, rest = divmod(rest, 1000)
    return f"{_date_text(day)}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z"


def _pause(rng: Random, median_seconds: float, spread: float) -> int:
    """Return a log-normal wait in milliseconds: most are short, a few very long."""
    pause = int(1000 * median_seconds * math.exp(rng.gauss(0, spread)))
    return min(pause, LONGEST_PAUSE_MS)


def _clock_error(rng: Random) -> int:
    """Return by how many milliseconds a browser's clock is ahead of the server's."""
    kind = rng.random()
    if kind < 0.82:
        return int(rng.gauss(0, 300))
    if kind < 0.985:
        return int(rng.gauss(0, 15_000))
    if kind < 0.999:
        return int(rng.expovariate(1 / 300_000))
    return int(rng.uniform(8, 14) * 3_600_000)


def _starts(rng: Random) -> Iterator[int]:
    """Yield starting times, in epoch milliseconds, in no lasting order.

    The file was collected an hour at a time and the hours were shuffled: neighbours are
    mostly close, every few attempts the file jumps by days, in either direction.
    """
    midnight = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    hours = range(DAYS * 24)
    totals = list(
        accumulate(
            WEEKDAY_WEIGHTS[(FIRST_DAY + timedelta(hour // 24)).weekday()]
            * HOUR_WEIGHTS[hour % 24]
            for hour in hours
        )
    )
    origin = int(midnight.timestamp()) * 1000
    while True:
        hour = rng.choices(hours, cum_weights=totals)[0]
        for _ in range(rng.randint(2, 12)):
            yield origin + hour * 3_600_000 + int(rng.random() * 3_600_000)


def _option(
    option_id: str, correct: bool | None, checked: bool, at: int | None, sent: bool
) -> Record:
    """Return an option as the player writes it: what does not apply is left away."""
    option: Record = {"checked": checked}
    if at is None:
        if correct is not None:
            option["correct"] = correct
        option["id"] = option_id
        return option
    option["at"] = _iso(at)
    option["id"] = option_id
    if sent:
        option["submitted"] = 1
    if correct is not None:
        option["correct"] = correct
    return option


def _options(
    rng: Random, paper: Paper, question: Question, clicked: dict[int, int], last: int
) -> list[Record]:
    """Return a question's options, shuffled.

    ``clicked`` maps the options that were touched to the time of the last click;
    the first ``last`` of them were taken back. The player of the test exam submits
    nothing.
    """
    wrong = False if paper.course.spells_out_wrong else None
    right_count = len(question.right)
    taken_back = set(list(clicked)[:last])
    order = list(range(len(question.option_ids)))
    rng.shuffle(order)
    return [
        _option(
            question.option_ids[index],
            True if index < right_count else wrong,
            index in clicked and index not in taken_back,
            clicked.get(index),
            index not in taken_back and paper is not TEST_PAPER,
        )
        for index in order
    ]


def _choice(rng: Random, question: Question, right: bool) -> tuple[str, list[int]]:
    """Return the player's verdict and the options that were checked for it.

    ``missed_some``: nothing wrong, but not everything that is right; it takes a
    question with several right options, and counts as incomplete.
    """
    if right:
        return "correct", list(question.right)
    several = len(question.right) > 1
    if several and (not question.wrong or rng.random() < 0.54):
        found = rng.randrange(1, len(question.right))
        return "missed_some", rng.sample(question.right, found)
    checked = [rng.choice(question.wrong)]
    if several:
        checked += [index for index in question.right if rng.random() < 0.6]
    return "incorrect", checked


def _skipped(rng: Random, question_count: int) -> set[int]:
    """Return the positions that were left unanswered: by most people none."""
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


def _click(
    rng: Random, question: Question, checked: list[int], now: int
) -> tuple[dict[int, int], int, int]:
    """Return when each option was clicked, how many were taken back, and the time.

    One question in twelve keeps a trace of a change of mind: an option that is
    unchecked again and still has its ``at``.
    """
    taken_back: list[int] = []
    if rng.random() < 0.08:
        spare = [n for n in range(len(question.option_ids)) if n not in checked]
        taken_back = [rng.choice(spare)] if spare else []
    clicked: dict[int, int] = {}
    for option in taken_back + checked:
        clicked[option] = now
        now += _pause(rng, 1.6, 0.9)
    return clicked, len(taken_back), now


def _answers(
    rng: Random, paper: Paper, now: int
) -> tuple[list[Record], dict[str, int], int]:
    """Answer a paper from ``now`` on: the questions, the verdicts' counts, the end."""
    shown = rng.sample(paper.questions, len(paper.questions))
    skipped = _skipped(rng, len(shown))
    ability = rng.gauss(0.3, 1.1)
    slowness = math.exp(rng.gauss(0, 0.6))
    order = list(range(len(shown)))
    if rng.random() < 0.15:
        rng.shuffle(order)

    verdicts = {"correct": 0, "incorrect": 0, "missed_some": 0, "unanswered": 0}
    answers: list[Record] = [{}] * len(shown)
    for position in order:
        question = shown[position]
        answered = position not in skipped
        if answered:
            knows = rng.random() < 1 / (1 + math.exp(-question.log_odds - ability))
            verdict, checked = _choice(rng, question, knows)
            now += _pause(rng, 5.5 * slowness, 1.1)
        else:
            verdict, checked = "unanswered", []
        clicked, taken_back, now = _click(rng, question, checked, now)
        verdicts[verdict] += 1
        answers[position] = {
            "user_incomplete": verdict == "missed_some",
            "user_correct": verdict == "correct",
            "options": _options(rng, paper, question, clicked, taken_back),
            "user_submitted": answered,
            "id": question.question_id,
            "user_result": verdict,
        }
    return answers, verdicts, now


def _sequences(rng: Random, paper: Paper, now: int) -> tuple[Record, int]:
    """Return what a person did with a paper, and when they were done."""
    questions, verdicts, now = _answers(rng, paper, now)
    total = len(questions)
    counts = {
        "incomplete": verdicts["missed_some"],
        "submitted": total - verdicts["unanswered"],
        "incorrect": verdicts["incorrect"],
        "all_correct": verdicts["correct"] == total,
        "correct": verdicts["correct"],
        "total": total,
        "unanswered": verdicts["unanswered"],
    }
    sequences: Record = {
        "questions": questions,
        "attempt": 1,
        "id": paper.sequence_id,
        "counts": counts,
    }
    return sequences, now


def _test_sequences(rng: Random, now: int) -> tuple[Record, int]:
    """Return what a developer did with the test exam: a few clicks, no evaluation."""
    questions: list[Record] = []
    for question in rng.sample(TEST_PAPER.questions, TEST_QUESTIONS_SHOWN):
        clicked: dict[int, int] = {}
        if rng.random() < 0.5:
            clicked[rng.randrange(len(question.option_ids))] = now
            now += _pause(rng, 1.6, 0.5)
        options = _options(rng, TEST_PAPER, question, clicked, 0)
        questions.append({"options": options, "id": question.question_id})
    sequences: Record = {
        "attempt": 1,
        "id": TEST_PAPER.sequence_id,
        "questions": questions,
    }
    return sequences, now


def _attempt(rng: Random, paper: Paper, started: int) -> Record:
    """Return one attempt at ``paper``, started at ``started`` epoch milliseconds."""
    clock_error = _clock_error(rng)
    reading = _pause(rng, 3, 1.2)
    if rng.random() < 0.07:
        reading += _pause(rng, 600, 1.5)
    first_click = started + clock_error + reading
    if paper is TEST_PAPER:
        sequences, done = _test_sequences(rng, first_click)
    else:
        sequences, done = _sequences(rng, paper, first_click)

    recorded = (done - clock_error + _pause(rng, 0.8, 1.1)) / 1000 + rng.random() / 1000
    if rng.random() < 1 / 3:
        recorded = round(recorded, 6)
    recorded_text = repr(recorded)
    return {
        "keen_timestamp": recorded_text,
        "max_attempts": "1.0",
        "started_at": _iso(started),
        "base_exam_id": paper.exam_id,
        "user_exam_id": _uuid(rng),
        "sequences": sequences,
        "keen_created_at": recorded_text,
        "certification": paper.course.certification,
        "keen_id": f"{int(recorded):08x}{rng.getrandbits(64):016x}",
        "exam_name": paper.course.name,
    }


def _distinct_attempts(count: int, rng: Random) -> Iterator[Record]:
    starts = _starts(rng)
    for dealt in range(0, count, DECK_SIZE):
        deck = rng.sample(DECK, DECK_SIZE)
        for paper in deck[: count - dealt]:
            yield _attempt(rng, paper, next(starts))


def attempts(count: int, seed: int) -> Iterator[Record]:
    """Yield ``count`` distinct attempts and, among them, copies, in file order.

    A copy is a message that was delivered again later, equal in every byte. Most are
    delivered twice more, some once: of five copies two pairs share their original. What
    is held in memory is the window that copies are drawn from, whatever ``count`` is.
    """
    rng = Random(seed)
    recent: deque[Record] = deque(maxlen=COPY_WINDOW)
    original: Record = {}
    for number, attempt in enumerate(_distinct_attempts(count, rng), start=1):
        yield attempt
        recent.append(attempt)
        if number % COPY_EVERY == 0:
            is_second_copy = number // COPY_EVERY % 5 in (2, 4)
            if not is_second_copy:
                place = rng.randrange(len(recent))
                original = recent[place]
                del recent[place]
            yield copy.deepcopy(original)


def _chunks(records: Iterable[Record], file_format: str) -> Iterator[str]:
    """Yield the text of the file, one piece per record, brackets and line ends added.

    Text is left as UTF-8 and not escaped, so that a name beyond ASCII is one in bytes.
    """
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    if file_format == "lines":
        for record in records:
            yield encode(record) + "\n"
        return
    before = "[\n"
    for record in records:
        yield before + encode(record)
        before = ",\n"
    yield "[\n]\n" if before == "[\n" else "\n]\n"


def _with_progress(records: Iterator[Record], count: int) -> Iterator[Record]:
    """Pass ``records`` on; on a terminal, show how far they are and how fast."""
    if not sys.stderr.isatty():
        yield from records
        return
    began = time.monotonic()
    for number, record in enumerate(records, start=1):
        yield record
        if number % PROGRESS_EVERY == 0:
            rate = number / (time.monotonic() - began)
            line = f"{number:,} of {count:,} messages, {rate:,.0f} a second"
            print(f"\r{line}", end="", file=sys.stderr, flush=True)
    if count >= PROGRESS_EVERY:
        print(file=sys.stderr)


def _write(chunks: Iterator[str], output: str) -> None:
    """Write ``chunks`` to the path ``output``, gzipped by its name, or to stdout.

    A gzip header would hold the time and the file's name; both are left out, so that
    the same arguments give the same bytes. Raises OSError.
    """
    with ExitStack() as stack:
        target: BinaryIO = sys.stdout.buffer
        if output != "-":
            target = stack.enter_context(Path(output).open("wb"))
        if output.endswith(".gz"):
            zipped = gzip.GzipFile("", "wb", compresslevel=6, fileobj=target, mtime=0)
            target = cast(BinaryIO, stack.enter_context(zipped))
        for chunk in chunks:
            target.write(chunk.encode())
        target.flush()


def _whole_number(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is below 0")
    return number


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="generate.py",
        description="Generate assessment attempts with invented people and courses. "
        "The same arguments always give the same bytes.",
        epilog="""examples:
  python data/generate.py --output data/assessment-attempts-sample.json
  python data/generate.py --attempts 131200 --output large.json.gz
  python data/generate.py --attempts 20 --seed 7 --format lines | head -1""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--attempts",
        type=_whole_number,
        default=DEFAULT_ATTEMPTS,
        metavar="N",
        help=f"distinct attempts; one copy per {COPY_EVERY} comes on top "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=DEFAULT_SEED,
        metavar="S",
        help="another seed gives other people in the same courses "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--format",
        choices=("array", "lines"),
        default="array",
        help="one JSON array with an object per line, or JSON lines "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        default="-",
        metavar="PATH",
        help="the file to write, gzipped when it ends in .gz; - is standard output "
        "(default: %(default)s)",
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0 when the file is written, 1 when it can't be."""
    arguments = _arguments(argv)
    count: int = arguments.attempts
    records = attempts(count, arguments.seed)
    shown = _with_progress(records, count + count // COPY_EVERY)
    try:
        _write(_chunks(shown, arguments.format), arguments.output)
    except BrokenPipeError:
        # The reader (head, say) has what it wanted. Python would complain once more
        # when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"can't write {arguments.output}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
