"""The load generator, a process of its own; `load` starts it and waits for what it measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]


class Load(msgspec.Struct, frozen=True):
    """What to send: over `connections` kept alive, for `seconds`, POSTs of `body` to `path`.

    Twelve zeros in the body stand for the request's number, counted from `first`.
    """

    port: int
    path: str
    body: str
    headers: dict[str, str]
    seconds: float
    connections: int = 64
    first: int = 0


class Measured(msgspec.Struct, frozen=True):
    """What came back: requests answered with `status`, in `seconds`, with their latencies in milliseconds."""

    done: int
    seconds: float
    p50: float
    p99: float
    status: dict[str, int]
    bytes: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.done / self.seconds


def load(asked: Load) -> Measured:
    """Runs the generator; RuntimeError when an answer was not a 201."""
    found = subprocess.run(
        [sys.executable, "-m", "bench.client"], cwd=ROOT, input=msgspec.json.encode(asked), capture_output=True, check=True
    )  # fmt: skip
    measured = msgspec.json.decode(found.stdout, type=Measured)
    if set(measured.status) != {"201"}:
        raise RuntimeError(f"{asked.path} answered {measured.status}")
    return measured
