"""The analytics process, seen from the server: started when asked, told of statements, ended when idle."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Unavailable

IDLE_SECONDS = 300

_GONE = Label(
    "统计程序暂时不可用，请稍后再试。",
    "The figures can't be computed just now. Please try again in a moment.",
)


class Analytics:
    """One process with DuckDB over the exported segments of a district."""

    def __init__(self, url: str, district: str, folder: Path) -> None:
        self._arguments = [url, district, str(folder)]
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def ask(self, statements: list[tuple[str, list[Any]]]) -> tuple[int, list[list[Any]]]:
        """Runs the statements at one seq, brought up to the head first: (seq, a table a statement)."""
        with self._lock:
            for fresh in (False, True):
                process = self._running(fresh=fresh)
                try:
                    assert process.stdin is not None
                    assert process.stdout is not None
                    process.stdin.write(msgspec.json.encode(statements) + b"\n")
                    process.stdin.flush()
                    line = process.stdout.readline()
                except (BrokenPipeError, OSError):
                    line = b""
                if line:
                    break
        if not line:
            raise Unavailable(_GONE)
        answer = msgspec.json.decode(line)
        if "error" in answer:
            raise Unavailable(_GONE, extra={"reason": answer["error"]})
        return answer["seq"], answer["tables"]

    def _running(self, *, fresh: bool) -> subprocess.Popen[bytes]:
        """The process, started anew where it has ended or failed."""
        if fresh:
            self._end()
        if self._process is None or self._process.poll() is not None:
            command = [
                sys.executable,
                "-m",
                "civicloop.kernel.figures.worker",
                *self._arguments,
                str(IDLE_SECONDS),
            ]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()
