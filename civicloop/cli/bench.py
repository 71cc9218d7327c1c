"""`civicloop bench [NAME ...]`: runs measurements of the folder bench/, one line of JSON each."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from civicloop.kernel.registry.district import Settings

FOLDER = Path(__file__).parents[2] / "bench"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Names of measurements; none means all."""
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known()))


def known() -> list[str]:
    """The measurements there are: the modules of bench/ that can be run."""
    return [p.stem for p in sorted(FOLDER.glob("*.py")) if '__name__ == "__main__"' in p.read_text("utf-8")]


def run(given: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001
    """Runs each in a process of its own; exit status 1 when one fails to run."""
    names = given.names or known()
    unknown = sorted(set(names) - set(known()))
    if unknown:
        raise ValueError(f"there is no measurement {unknown[0]!r}; there are {', '.join(known())}")
    status = 0
    for name in names:
        done = subprocess.run([sys.executable, "-m", f"bench.{name}"], cwd=FOLDER.parent, check=False)
        status = status or int(done.returncode != 0)
    return status
