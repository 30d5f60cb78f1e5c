"""What the benchmarks do on the stack `bench`, which keeps its topic and tables."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from cli.settings import ROOT

INGEST = (sys.executable, "-m", "ingest")


def held() -> int:
    """Return how many messages the topic holds."""
    status = subprocess.run(
        (*INGEST, "status", "--json"), check=True, capture_output=True
    )
    partitions = json.loads(status.stdout)["partitions"]
    return sum(each["end_offset"] for each in partitions)


def publish(attempts: int, seed: int = 2018, skip: int = 0) -> None:
    """Publish generated attempts without the first `skip`, and without a file of them.

    A longer run of the generator starts with the messages of a shorter one.
    """
    numbers = ("--attempts", str(attempts), "--seed", str(seed))
    generate = (sys.executable, "-m", "data.generate", *numbers)
    with subprocess.Popen(generate, stdout=subprocess.PIPE) as generator:
        subprocess.run(
            (*INGEST, "publish", "-", "--skip", str(skip)),
            stdin=generator.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def copy_project(place: Path) -> None:
    """Copy the dbt project and its workbench, to be edited."""
    for name in ("dbt_project.yml", "settings.toml"):
        shutil.copy(ROOT / name, place)
    for name in ("models", "macros", "seeds", "profiles", "tests", "cli", "workbench"):
        shutil.copytree(ROOT / name, place / name)


def seconds(*command: str) -> float:
    """Run a command and return how long it took; if it fails, show what it printed."""
    begin = time.monotonic()
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stdout)
    return time.monotonic() - begin


def peak_memory() -> float:
    """Return the largest resident memory that Spark has had since it started, in GB."""
    pid = (ROOT / ".stack" / "bench" / "run" / "spark.pid").read_text().strip()
    status = Path(f"/proc/{pid}/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if "VmHWM" in line]
    return int(kilobytes) / 1e6
