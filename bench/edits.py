"""How long an edit of a mart takes to be built and tested: `make dev`, and `dbt build`.

Both build the same edits in turn, in schemas of their own, and read everything else
from the shared ones.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from bench.history import record
from bench.stack import copy_project, seconds
from cli.settings import ROOT

_SHARED = ROOT / ".stack" / "bench" / "run" / "shared-build"
_MODEL = Path("models/marts/answers/rpt_perfect_scores.sql")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.edits", description=__doc__)
    parser.add_argument("--edits", type=int, default=30)
    parsed = parser.parse_args()
    if parsed.edits < 2:
        parser.error("at least 2 edits make a percentile")
    with tempfile.TemporaryDirectory() as folder:
        dev, plain = _times(Path(folder), parsed.edits)
    for name, times in (("make dev", dev), ("dbt build", plain)):
        slow = quantiles(times, n=20)[-1]
        print(f"{name:<9}  median {median(times):.2f} s, 95th percentile {slow:.2f} s")
    record("edits", {"make dev / dbt build, an edit": median(dev) / median(plain)})
    return 0


def _times(project: Path, edits: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each edit in a copy of the project, for both ways."""
    copy_project(project)
    os.environ["DBT_TARGET_PATH"] = "target"
    session = (sys.executable, "-m", "workbench", "dev", "--shared", str(_SHARED))
    build = (
        *("env", "-C", str(project), "DBT_TARGET=developer", "DBT_SCHEMA_PREFIX=plain"),
        *("DBT_TARGET_PATH=plain", f"{Path(sys.executable).parent}/dbt", "--quiet"),
        *("build", "--select", _MODEL.stem, "--defer", "--state", str(_SHARED)),
    )
    text = (project / _MODEL).read_text()
    dev, plain = [], []
    with subprocess.Popen(
        session, cwd=project, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            _wait(process, "watching")
            seconds(*build)  # the first parse
            for number in range(edits):
                begin = time.monotonic()
                (project / _MODEL).write_text(f"{text}-- {number}\n")
                _wait(process, " passed")
                dev.append(time.monotonic() - begin)
                plain.append(seconds(*build))
        finally:
            process.kill()
    return dev, plain


def _wait(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout
    printed = []
    for line in process.stdout:
        printed.append(line)
        if " failed" in line:
            break
        if words in line:
            return
    sys.exit("".join(printed))


if __name__ == "__main__":
    sys.exit(main())
