"""`civicloop demo`: the loops' example cases, once; what `serve` starts where a demo has none yet."""

from __future__ import annotations

import argparse
import subprocess
import sys

from civicloop.kernel.registry.district import District, Settings, open_district


def arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: the environment says where."""
    parser.epilog = "CIVICLOOP_DATA, CIVICLOOP_DATABASE, CIVICLOOP_PACK"


def run(given: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001
    """Fills a district that has no case; ValueError where demos are turned off."""
    if not settings.demo:
        raise ValueError("CIVICLOOP_DEMO=0 says that this is no demo")
    district = open_district(settings)
    try:
        if wanting(district):
            for loop in district.registry.loops.values():
                if loop.fixtures is not None:
                    loop.fixtures(district)
    finally:
        district.close()
    return 0


def wanting(district: District) -> bool:
    """Whether this is a demo without a case."""
    if not district.settings.demo:
        return False
    with district.store.read() as tx:
        return tx.one("SELECT 1 FROM cases WHERE district = ? LIMIT 1", (district.code,)) is None


def make() -> None:
    """Fills the demo in a process of its own, which takes with it the memory that pictures need; ValueError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "civicloop.cli", "demo"], stderr=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        raise ValueError(
            f"the demo's cases could not be made: {done.stderr.decode(errors='replace').strip()}"
        )
