"""The jars of services/ivy.xml, fetched by the Ivy that comes with pyspark."""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.program import CommandError
from cli.settings import ROOT
from services.configuration import spark_home
from services.preflight import java

_JARS = ROOT / ".jars"
_HASHES = ROOT / "services" / "jars.sha256"
_CACHE = Path.home() / ".ivy2"  # Ivy's own default


def fetch(accept: bool) -> None:
    """Retrieve the jars into .jars/<configuration>, then check each one's hash.

    Args:
        accept: rewrite services/jars.sha256 instead, after a change to ivy.xml.

    Raises:
        CommandError: a jar can't be fetched, or its hash is not the accepted one.
    """
    wanted = _accepted()
    _JARS.mkdir(exist_ok=True)
    _CACHE.mkdir(exist_ok=True)
    # Only one process at a time may write to Ivy's cache.
    with (_CACHE / "assessments.lock").open("w") as lock, TemporaryDirectory() as empty:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if accept:
            # Ivy checks what it downloads, not what its cache has.
            _retrieve(len(wanted), empty)
        else:
            # Checksums would double the requests, and the hashes below do more.
            _retrieve(len(wanted), f"{_CACHE}/cache", "-Divy.checksums=none")
    found = {
        str(jar.relative_to(_JARS)): hashlib.sha256(jar.read_bytes()).hexdigest()
        for jar in sorted(_JARS.glob("*/*.jar"))
    }
    if accept:
        lines = (f"{digest}  {name}\n" for name, digest in found.items())
        _HASHES.write_text("".join(lines))
    elif found != wanted:
        names = sorted(dict(found.items() ^ wanted.items()))
        raise CommandError(
            f"jars differ from services/jars.sha256: {', '.join(names)}; if you have "
            "changed services/ivy.xml, review them and accept them with `make lock`; "
            f"if not, remove them from {_CACHE} and try again"
        )


def _accepted() -> dict[str, str]:
    lines = _HASHES.read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def _retrieve(count: int, cache: str, *options: str) -> None:
    """Run Ivy; its output goes to a log, and a terminal shows the number of jars."""
    log = ROOT / "logs" / "ivy.log"
    log.parent.mkdir(exist_ok=True)
    command = [
        *(java(), *options, "-cp", f"{spark_home()}/jars/*", "org.apache.ivy.Main"),
        *("-ivy", str(ROOT / "services" / "ivy.xml"), "-cache", cache),
        *("-confs", "spark", "kafka", "hdfs", "-types", "jar", "bundle"),
        # Remove jars that ivy.xml no longer lists.
        "-sync",
        *("-retrieve", f"{_JARS}/[conf]/[artifact]-[revision](-[classifier]).[ext]"),
    ]
    downloaded = 0
    with (
        log.open("w") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as ivy,
    ):
        assert ivy.stdout
        for line in ivy.stdout:
            file.write(line)
            if "[SUCCESSFUL ]" in line:
                downloaded += 1
                if sys.stderr.isatty():
                    shown = f"\r{downloaded} of {count} jars downloaded"
                    print(shown, end="", file=sys.stderr, flush=True)
    if downloaded and sys.stderr.isatty():
        print(file=sys.stderr)
    if ivy.returncode:
        raise CommandError(f"Ivy can't fetch the jars of services/ivy.xml: see {log}")
