"""File drop: a message becomes a file in a folder that another system collects."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import DeliveryFailed, Receipt
from civicloop.kernel.outside.files import write_for_good
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.time.clock import Clock

_DISK = Label("文件写不进交换目录。", "The file can't be written into the exchange folder.")


class FileDropSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The folder, and what its files' names end in."""

    folder: str
    suffix: str = ".json"


class FileDrop:
    """Writes `message.body` whole or not at all; the same dedupe key is the same file, also when sent twice."""

    name = "filedrop"

    def __init__(self, settings: FileDropSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def send(self, message: Outgoing) -> Receipt:
        """Writes the file and returns its name as the reference."""
        name = file_name(message.dedupe_key, self._settings.suffix)
        try:
            write_for_good(Path(self._settings.folder) / name, message.body.encode())
        except OSError as error:
            raise DeliveryFailed(_DISK) from error
        return Receipt(self.name, name, self._clock.now())


def file_name(dedupe_key: str, suffix: str) -> str:
    """A name that reads like the key, is safe on every system, and differs where keys differ."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", dedupe_key).strip("-")[:60]
    digest = hashlib.sha256(dedupe_key.encode()).hexdigest()[:16]
    return f"{readable}-{digest}{suffix}" if readable else f"{digest}{suffix}"
