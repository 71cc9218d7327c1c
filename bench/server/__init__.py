"""The servers that the measurements compare, each a process of its own; `running` starts one and talks to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """A server at work; `port` is where it listens on 127.0.0.1."""

    process: subprocess.Popen[str]
    port: int

    def cpu_seconds(self) -> float:
        """The processor time that its process has used so far, all threads together."""
        return float(self._ask("cpu"))

    def resident_mb(self) -> float:
        """The memory that its process holds now (RSS), in MB of 2**20 bytes."""
        return float(self._ask("rss"))

    def _ask(self, what: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


@contextmanager
def running(*arguments: str) -> Iterator[Server]:
    """A server of `python -m bench.server ARGUMENTS` that listens; ended with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.server", *arguments],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        if not first:
            raise RuntimeError(f"the server {' '.join(arguments)} did not start")
        yield Server(process, int(first))
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()
