"""Processes of tests: each ends with the test process that started it, by its own id."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_PR_SET_PDEATHSIG = 1
_ADDRESS = re.compile(r"https?://[\w.:\[\]-]+:\d+")


def end_with_parent() -> None:
    """Run in a child before its program: Linux then interrupts it when its parent is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


class Served:
    """`civicloop serve` as a user runs it, on a free port, with its data in `folder`, from the checkout in `code`; `url` has no slash at its end."""

    def __init__(self, folder: Path, *, code: Path = ROOT, **environment: str) -> None:
        self.folder = folder
        self.said: list[str] = []
        self._found = threading.Event()
        settings = {"CIVICLOOP_DATA": str(folder), "CIVICLOOP_PORT": "0", "PYTHONUNBUFFERED": "1"}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CIVICLOOP_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "civicloop.cli", "serve"],
            cwd=code,
            env={**inherited, **settings, "PYTHONPATH": str(code), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=end_with_parent,
        )
        self.url = ""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Keeps what the server says, so that its pipe never fills; the first address in it is the server's."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if not self.url and (match := _ADDRESS.search(line)):
                self.url = match[0]
                self._found.set()
        self._found.set()

    def wait(self, seconds: float = 120) -> Served:
        """Waits for the address; RuntimeError with what it said when it ends, or says nothing, instead."""
        self._found.wait(seconds)
        if not self.url:
            self.close()
            raise RuntimeError("civicloop serve gave no address:\n" + "".join(self.said))
        return self

    def close(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends the server; SIGKILL is its crash."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
