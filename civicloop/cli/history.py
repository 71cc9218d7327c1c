"""`civicloop history verify | digest`: is the chain whole, and the one value that stands for all of it."""

from __future__ import annotations

import argparse
import sys

from civicloop.kernel.cases import history
from civicloop.kernel.facts.pack import load_pack
from civicloop.kernel.registry.district import Settings
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import SystemClock


def arguments(parser: argparse.ArgumentParser) -> None:
    """verify or digest."""
    parser.add_argument("what", choices=("verify", "digest"))


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Reads the whole chain; exit status 1 and the first broken link when it is not whole."""
    store = Store(settings.url, SystemClock(), inline=True)
    try:
        with store.read() as tx:
            verdict = history.verify(tx, load_pack(settings.pack).code)
    finally:
        store.close()
    if verdict.broken is not None:
        print(f"history: row {verdict.broken.seq} is broken: {verdict.broken.why}", file=sys.stderr)
        return 1
    if given.what == "digest":
        print(verdict.digest)
    else:
        print(f"history: {verdict.rows} rows, every link holds, digest {verdict.digest}")
    return 0
