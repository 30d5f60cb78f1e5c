"""publish: what each kind of input becomes on a real topic, and errors of bad ones."""

import gzip
import itertools
import json
import subprocess
from pathlib import Path

import pytest

from cli.settings import ROOT
from tests import shell
from tests.integration.stack import (
    ENVIRONMENT,
    create_topic,
    ingest,
    topic_records,
)

ATTEMPTS = [
    {"keen_id": "a", "exam_name": "Bread, an introduction", "n": [1, 2.50, None]},
    {"keen_id": "b", "exam_name": "Brød"},
    {"exam_name": "no key"},
]
VALUES = [
    b'{"keen_id":"a","exam_name":"Bread, an introduction","n":[1,2.5,null]}',
    '{"keen_id":"b","exam_name":"Brød"}'.encode(),
    b'{"exam_name":"no key"}',
]
KEYS = [b"a", b"b", None]
_numbers = itertools.count()


@pytest.fixture
def topic() -> str:
    name = f"publish-{next(_numbers)}"
    create_topic(name)
    return name


def _publish_standard_input(
    topic: str, content: bytes, *options: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["python", "-m", "ingest", "publish", "-", "--topic", topic, *options],
        input=content,
        capture_output=True,
        cwd=ROOT,
        env={**shell.ENVIRONMENT, **ENVIRONMENT},
        timeout=60,
        check=False,
    )


def _array() -> bytes:
    return json.dumps(ATTEMPTS, ensure_ascii=False, indent=2).encode()


def _lines() -> bytes:
    return b"".join(
        json.dumps(attempt, ensure_ascii=False).encode() + b"\n" for attempt in ATTEMPTS
    )


@pytest.mark.parametrize(
    ("name", "content", "record_name"),
    [
        ("lines.jsonl", _lines(), "line"),
        ("array.json.gz", gzip.compress(_array()), "element"),
    ],
)
def test_each_object_becomes_one_message_keyed_by_its_keen_id(
    topic: str, tmp_path: Path, name: str, content: bytes, record_name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    done = ingest("publish", str(tmp_path / name), "--topic", topic)
    assert done.stdout.splitlines()[-1] == f"3 messages acknowledged by topic {topic}"
    records = topic_records(topic)
    assert [record.value for record in records] == VALUES
    assert [record.key for record in records] == KEYS
    assert [dict(record.headers) for record in records] == [
        {
            "source_file": name.encode(),
            "source_record": f"{record_name} {number}".encode(),
        }
        for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("content", [_array(), gzip.compress(_lines())])
def test_standard_input_is_read_like_a_file(topic: str, content: bytes) -> None:
    done = _publish_standard_input(topic, content)
    assert done.stdout.endswith(f"3 messages acknowledged by topic {topic}\n".encode())
    assert [record.value for record in topic_records(topic)] == VALUES


def test_line_that_is_not_an_object_is_published_byte_for_byte(
    topic: str, tmp_path: Path
) -> None:
    lines = [b"  not json ", b"", b"[1, 2]", b"\xff\xfe", b'{"a": NaN}', b'{"a": 1}\r']
    (tmp_path / "lines").write_bytes(b"\n".join(lines))
    done = ingest("publish", str(tmp_path / "lines"), "--topic", topic)
    assert "5 lines without a JSON object" in done.stderr
    values = [record.value for record in topic_records(topic)]
    assert values == [*lines[:-1], b'{"a":1}']


def test_largest_message_that_the_topic_accepts_is_published(tmp_path: Path) -> None:
    topic = f"publish-{next(_numbers)}"
    create_topic(topic, {"max.message.bytes": "5000000"})
    large = tmp_path / "large.json"
    large.write_bytes(b'{"keen_id":"a","text":"' + b"x" * 4_999_800 + b'"}')
    ingest("publish", str(large), "--topic", topic)
    assert [len(record.value) for record in topic_records(topic)] == [4_999_825]


BAD_FILES = {
    "text": (b"Dear reader,\nthis is no file of attempts.\n", "is a JSON object"),
    "empty": (b"", "is empty"),
    "truncated": (b'[{"a":1},{"b":', "truncated after element 1"),
    "damaged gzip": (gzip.compress(_array())[:-9], "gzip"),
    "too large": (b'{"a":1}\n{"b":"' + b"x" * 1_100_000 + b'"}', "line 2"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_publishes_nothing_and_error_says_what_and_where(
    topic: str, tmp_path: Path, name: str
) -> None:
    content, reason = BAD_FILES[name]
    path = tmp_path / "attempts.json"
    path.write_bytes(content)
    done = ingest("publish", str(path), "--topic", topic, exit_code=1)
    [line] = done.stderr.strip().splitlines()
    assert line.startswith(f"ingest: {path}") and "nothing published" in line
    assert reason in line
    assert topic_records(topic) == []


def test_publishing_can_go_on_after_an_error_on_standard_input(topic: str) -> None:
    done = _publish_standard_input(topic, b'[{"a":1},{"b":2},{"c":')
    assert done.returncode == 1
    assert b"truncated after element 2" in done.stderr
    assert b"2 messages were acknowledged" in done.stderr
    assert b"add --skip 2" in done.stderr
    assert len(topic_records(topic)) == 2
    done = _publish_standard_input(topic, b'[{"a":1},{"b":2},{"c":3}]', "--skip", "2")
    assert done.returncode == 0
    values = sorted(record.value for record in topic_records(topic))
    assert values == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


def test_empty_array_publishes_nothing(topic: str, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("[]")
    done = ingest("publish", str(tmp_path / "none.json"), "--topic", topic)
    assert done.stdout == f"0 messages acknowledged by topic {topic}\n"


def test_if_empty_publishes_only_to_an_empty_topic(topic: str, tmp_path: Path) -> None:
    (tmp_path / "attempts.json").write_bytes(_array())
    arguments = ("publish", str(tmp_path / "attempts.json"), "--topic", topic)
    ingest(*arguments, "--if-empty")
    done = ingest(*arguments, "--if-empty")
    assert "holds 3 messages: nothing published" in done.stdout
    assert len(topic_records(topic)) == 3


@pytest.mark.parametrize(
    ("arguments", "environment", "reason"),
    [
        (["publish", "nowhere.json"], {}, "nowhere.json: No such file or directory"),
        (["publish", "data"], {}, "data: Is a directory"),
        (["publish", "README.md", "--topic", "none"], {}, "'none' does not exist"),
        (["init", "--topic", "none", "--topic-required"], {}, "'none' does not exist"),
        (
            ["drain"],
            {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"},
            "no answer from Kafka at 127.0.0.1:9",
        ),
        (
            ["drain", "--spark-remote", "sc://127.0.0.1:9"],
            {},
            "nothing listens at sc://127.0.0.1:9",
        ),
    ],
)
def test_missing_file_topic_or_server_is_named_in_one_line(
    arguments: list[str], environment: dict[str, str], reason: str
) -> None:
    done = ingest(*arguments, exit_code=1, environment=environment)
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("ingest: ") and reason in line
