"""Ratios of each run of a benchmark, kept as JSON lines with commit and machine."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

from cli.settings import ROOT

_HISTORY = ROOT / "bench" / "history"


def record(benchmark: str, ratios: Mapping[str, float]) -> None:
    """Print ratios beside those of the run before, and add a line to the history.

    Only ratios are kept: both sides of one were measured in one run, so a slow or busy
    machine changes them little.

    Args:
        ratios: by what is compared, such as `drain / consumer`.
    """
    file = _HISTORY / f"{benchmark}.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    before = json.loads(lines[-1]) if lines else {"ratios": {}}
    width = max(map(len, ratios))
    said = f"before: {before['commit']}, {before['machine']}" if lines else ""
    print(f"{'ratio':<{width}}  {'now':>6}  {'before':>6}  {said}")
    for name, ratio in ratios.items():
        old = before["ratios"].get(name)
        shown = "-" if old is None else f"{old:.2f}"
        print(f"{name:<{width}}  {ratio:>6.2f}  {shown:>6}")
    done = {
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "commit": _commit(),
        "machine": _machine(),
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
    }
    _HISTORY.mkdir(exist_ok=True)
    with file.open("a") as history:
        history.write(json.dumps(done) + "\n")


def _commit() -> str:
    """Return the commit, with `-dirty` if the code differs from it."""
    try:
        changed = _git("status", "--porcelain", "--", ".", ":!bench/history")
        return _git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ("git", *arguments), cwd=ROOT, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _machine() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory / 2**30:.0f} GiB"
