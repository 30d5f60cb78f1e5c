"""How long `make run` takes in a fresh clone and again, and a build of nothing new.

The clone is of the last commit. What it installs comes from the caches of the user.
"""

import argparse
import subprocess
import sys
import tempfile
from statistics import median

from bench.history import record
from bench.stack import seconds
from cli.settings import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as clone:
        subprocess.run(("git", "clone", "--quiet", ROOT, clone), check=True)
        make = ("make", "--silent", "-C", clone, "STACK=bench_run")
        try:
            fresh = _median("run, fresh clone", 1, *make, "run")
            again = _median("run, again", parsed.runs, *make, "run")
            build = _median("build", parsed.runs, *make, "build")
        finally:
            seconds(*make, "down")
    record(
        "run",
        {
            "make run in a fresh clone / make build": fresh / build,
            "make run, again / make build": again / build,
        },
    )
    return 0


def _median(name: str, runs: int, *command: str) -> float:
    times = [seconds(*command) for _ in range(runs)]
    print(f"{name:<16}  {' / '.join(f'{each:.1f}' for each in times)} s", flush=True)
    return median(times)


if __name__ == "__main__":
    sys.exit(main())
