"""Files that are there whole and for good, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_for_good(path: Path, data: bytes) -> None:
    """Writes beside the place, syncs, moves, and syncs the folders, so that a cut leaves the whole file or none.

    OSError when the disk refuses; nothing is left behind then.
    """
    fresh = [folder for folder in (path.parent, path.parent.parent) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    for folder in [path.parent, *(made.parent for made in fresh)]:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # Windows has no handle for a folder; its rename is journalled
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
