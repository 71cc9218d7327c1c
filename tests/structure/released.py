"""The hashes of released migrations. `python -m tests.structure.released` adds the new ones at a release."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tests.structure.tree import ROOT, tracked

LIST = ROOT / "tests" / "structure" / "released.txt"
_FOLDERS = re.compile(r"civicloop/(kernel/store|loops/\w+)/migrations/[^/]+\.sql$")


def migration_files() -> list[str]:
    """Every tracked migration, of the kernel and of the loops."""
    return [name for name in tracked() if _FOLDERS.match(name)]


def digest(name: str) -> str:
    """The file's SHA-256."""
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def released(path: Path = LIST) -> dict[str, str]:
    """file: SHA-256 of what has been released."""
    pairs = (line.split("  ") for line in path.read_text("utf-8").splitlines() if line)
    return {name: value for value, name in pairs}


def main() -> None:
    """Adds what is new; what was released before keeps its hash, and a test shows where the file differs."""
    known = released()
    for name in migration_files():
        known.setdefault(name, digest(name))
    LIST.write_text("".join(f"{known[name]}  {name}\n" for name in sorted(known)), "utf-8")


if __name__ == "__main__":
    main()
