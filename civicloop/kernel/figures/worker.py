"""The analytics process: follows the history by seq into Parquet segments and answers statements over them.

    python -m civicloop.kernel.figures.worker URL DISTRICT FOLDER IDLE_SECONDS

A line of JSON in: [[sql, params], ...]; a line out: {"seq": n, "tables": [[row, ...], ...]}. It ends when its input ends or
nothing was asked for a while.
"""

from __future__ import annotations

import select
import sys
from pathlib import Path

import msgspec

from civicloop.kernel.figures.segments import Segments
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import SystemClock


def main(url: str, district: str, folder: str, idle_seconds: str) -> int:
    """Serves questions on standard input until it ends."""
    store = Store(url, SystemClock(), inline=True)
    segments = Segments(store, district, Path(folder))
    try:
        while select.select([sys.stdin.buffer], [], [], float(idle_seconds))[0]:
            line = sys.stdin.buffer.readline()
            if not line:
                break
            sys.stdout.buffer.write(_answer(segments, line) + b"\n")
            sys.stdout.buffer.flush()
    finally:
        segments.close()
        store.close()
    return 0


def _answer(segments: Segments, line: bytes) -> bytes:
    try:
        seq = segments.catch_up()
        tables = [segments.ask(sql, params) for sql, params in msgspec.json.decode(line)]
    except Exception as error:  # noqa: BLE001 - whatever fails is told to the asking process, which goes on
        return msgspec.json.encode({"error": f"{type(error).__name__}: {error}"})
    return msgspec.json.encode({"seq": seq, "tables": tables})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
