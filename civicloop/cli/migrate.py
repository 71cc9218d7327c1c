"""`civicloop migrate draft`: the next numbered migration of each loop whose processes have changed."""

from __future__ import annotations

import argparse
from pathlib import Path

from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.released import declaration_text, release_sql
from civicloop.kernel.facts.pack import load_pack
from civicloop.kernel.registry.district import Settings
from civicloop.kernel.registry.loop import Loop
from civicloop.kernel.registry.registry import find
from civicloop.kernel.store.migrate import migrations


def arguments(parser: argparse.ArgumentParser) -> None:
    """draft, for all loops of the pack or the named ones."""
    parser.add_argument("what", choices=("draft",))
    parser.add_argument("loops", nargs="*", metavar="LOOP")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Writes the drafts and names them; nothing to write is no fault."""
    names = given.loops or load_pack(settings.pack).loops
    for loop in find(names).loops.values():
        path = draft(loop)
        print(f"{loop.name}: {path if path else 'nothing to release'}")
    return 0


def draft(loop: Loop) -> Path | None:
    """Writes the loop's next migration; None when everything declared is released. ValueError when a released version changed."""
    folder = loop.folder / "migrations"
    folder.mkdir(exist_ok=True)
    known = migrations(loop.name, folder)
    text = "".join(m.path.read_text("utf-8") for m in known)
    missing = [process for process in loop.processes if not _released(process, text)]
    if not missing:
        return None
    number = known[-1].number + 1 if known else 1
    name = "_".join(f"{process.name}_v{process.version}" for process in missing)
    path = folder / f"{number:04d}_{name}.sql"
    path.write_text("\n".join(release_sql(process) for process in missing), "utf-8")
    return path


def _released(process: Process, text: str) -> bool:
    if declaration_text(process).replace("'", "''") in text:
        return True
    if f"('{process.name}', {process.version}, '{{" in text:
        raise ValueError(
            f"{process.name} version {process.version} is released with another text: raise its version first"
        )
    return False
