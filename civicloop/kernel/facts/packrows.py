"""What a pack may bring for any loop: registers of things and dated reference data, each a file of its own.

    registers/NAME.json   {"source": ..., "status": ..., "rows": [{"code": ..., "zh": ..., "en": ..., ...}, ...]}
    reference/NAME.toml   [[row]] code, data, source, status, valid_from, valid_to

Registers are JSON, since they are long and mostly generated; reference data are TOML, since people write them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from civicloop.kernel.facts.packfile import PackError, read_file
from civicloop.kernel.facts.reference import STATUSES, NewReference, Status
from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import Instant


class RegisterFile(msgspec.Struct, frozen=True):
    """A register as its file holds it; what a row says beside code and names becomes the entity's attributes."""

    source: str
    status: Status
    rows: list[dict[str, Any]]


_NO_CODE = Label("第{n}行缺少 code、zh 或 en。", "row {n} lacks code, zh or en")


def register_files(folder: Path) -> Iterator[tuple[str, RegisterFile]]:
    """Each register that the pack's folder brings, by its name; PackError for a file that can't be read."""
    for path in sorted((folder / "registers").glob("*.json")):
        try:
            found = msgspec.json.decode(path.read_bytes(), type=RegisterFile)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PackError(path, None, "", Label(f"不能读取：{error}", f"can't be read: {error}")) from error
        for number, row in enumerate(found.rows, 1):
            if not all(isinstance(row.get(key), str) and row[key] for key in ("code", "zh", "en")):
                raise PackError(path, None, "rows", _NO_CODE.filled(n=number))
        yield path.stem, found


def read_reference(folder: Path, zone: ZoneInfo, founded: Instant) -> list[NewReference]:
    """The rows of every reference set in the pack's folder; the set is called like its file."""
    rows = []
    for path in sorted((folder / "reference").glob("*.toml")):
        top = read_file(path)
        top.only({"row"})
        for table in top.tables("row"):
            table.only({"code", "data", "source", "status", "valid_from", "valid_to"})
            status: Any = table.choice("status", STATUSES)
            rows.append(
                NewReference(
                    path.stem,
                    table.word("code"),
                    table.day("valid_from", zone) or founded,
                    dict(table.table("data").values),
                    table.word("source"),
                    status,
                    table.day("valid_to", zone),
                )
            )
    return rows
