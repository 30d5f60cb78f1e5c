"""The processes of a stack, run by supervisord, which restarts those that die."""

import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from contextlib import suppress
from pathlib import Path
from typing import Any

from cli.program import CommandError
from services.configuration import socket_path
from services.stack import Stack

_ALIVE = {"STARTING", "RUNNING"}


class Supervisor:
    """The supervisord of one stack, reached over its XML-RPC socket."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def rpc(self) -> Any:
        """A new connection each time, because a failed one can't be reused."""
        # Imported late: the checks before set-up load this module without any package.
        from supervisor.xmlrpc import SupervisorTransport

        url = f"unix://{socket_path(self.stack)}"
        transport = SupervisorTransport(None, None, serverurl=url)
        return xmlrpc.client.ServerProxy("http://-", transport=transport).supervisor

    def is_running(self) -> bool:
        try:
            self.rpc.getPID()
        except OSError:
            return False
        return True

    def inherited(self, variable: str) -> str:
        """Return a variable that services inherit: as it was when the stack started."""
        environment = Path(f"/proc/{self.rpc.getPID()}/environ").read_text()
        pairs = (each.partition("=")[::2] for each in environment.split("\0"))
        return dict(pairs).get(variable, "")

    def launch(self) -> None:
        """Start supervisord in the background, without any service.

        Raises:
            CommandError: it has ended, or does not answer within 10 s.
        """
        supervisord = [sys.executable, "-m", "supervisor.supervisord"]
        done = subprocess.run(
            [*supervisord, "-c", str(self.stack.conf / "supervisord.conf")],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.stack.directory,
        )
        deadline = time.monotonic() + 10
        while not self.is_running():
            if done.returncode or time.monotonic() > deadline:
                reason = (done.stderr or done.stdout).strip().replace("\n", " ")
                raise CommandError(f"supervisord did not start: {reason}")
            time.sleep(0.05)

    def states(self) -> dict[str, dict[str, Any]]:
        """Return supervisord's state of each service; {} if it is not running."""
        try:
            return {each["name"]: each for each in self.rpc.getAllProcessInfo()}
        except OSError:
            return {}

    def pid(self, service: str) -> int:
        """Return the service's process id; 0 if it is not running."""
        state = self.states().get(service, {})
        return int(state["pid"]) if state.get("statename") in _ALIVE else 0

    def update(self) -> None:
        """Add services that are new in the configuration, stop those that are gone."""
        added, _, removed = self.rpc.reloadConfig()[0]
        for service in removed:
            self.rpc.stopProcessGroup(service)
            self.rpc.removeProcessGroup(service)
        for service in added:
            self.rpc.addProcessGroup(service)

    def start(self, service: str) -> None:
        self.rpc.startProcess(service, False)

    def stop(self, service: str) -> None:
        self.rpc.stopProcess(service, True)

    def shutdown(self) -> None:
        """Stop every service, each before those that it needs, then supervisord."""
        states = self.states()
        for service in reversed(self.stack.services):
            if states.get(service, {}).get("statename") in {*_ALIVE, "BACKOFF"}:
                self.stop(service)
        pid = self.rpc.getPID()
        self.rpc.shutdown()
        _ends(pid, seconds=30)


def end_orphans(stack: Stack) -> None:
    """Stop services that a killed supervisord has left running, found by pid file.

    After a reboot the id may be that of another process, so the process's command line
    must also contain this stack's directory. A killed process has no command line any
    more, but holds its ports until it is gone, so it is waited for.
    """
    for pid_file in sorted((stack.directory / "run").glob("*.pid")):
        text = pid_file.read_text().strip("\0 \n")
        pid = int(text) if text.isdigit() else 0
        if pid and pid_file.stem != "supervisord":
            command_line = _command_line(pid)
            is_ours = bytes(stack.directory) in command_line
            if is_ours:
                with suppress(ProcessLookupError):  # it can end at any moment
                    os.kill(pid, signal.SIGTERM)
                    if not _ends(pid, seconds=20):
                        os.kill(pid, signal.SIGKILL)
            if is_ours or not command_line:
                _ends(pid, seconds=20)
        pid_file.unlink()


def _ends(pid: int, seconds: float) -> bool:
    """Wait for the end of a process; return whether it came in time."""
    deadline = time.monotonic() + seconds
    while _is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _is_alive(pid: int) -> bool:
    """Return whether the process exists and is not a zombie without other threads."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    # man 5 proc_pid_stat, from its third field: the state; the 20th: threads.
    fields = stat.rsplit(")", 1)[1].split()
    return fields[0] != "Z" or int(fields[17]) > 1
