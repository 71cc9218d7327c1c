"""A list's filters out of a query string, for the API and the pages alike: the URL is the whole state of a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from civicloop.kernel.cases.fields import EARLIEST, LATEST
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.time.clock import parse_instant

WORDS_AT_MOST: Final = 100
LIMIT_AT_MOST: Final = 200

_CODE = re.compile(r"[A-Za-z0-9_.:~-]{1,64}")
_BAD_STATE = Label("没有名为“{value}”的状态。可用：{known}。", "There is no state “{value}”. Known: {known}.")
_BAD_CODE = Label("“{value}”不是有效的编码。", "“{value}” is no code.")
_BAD_FLAG = Label("请填 true 或 false。", "Give true or false.")
_BAD_TIME = Label(
    "时间要写成带时区的 ISO 8601，例如 2026-03-02T00:00:00Z。",
    "Write the time as ISO 8601 with its zone, such as 2026-03-02T00:00:00Z.",
)
_BAD_LIMIT = Label("条数须在1到200之间。", "The limit lies between 1 and 200.")
_BAD_WORDS = Label("搜索词须为1到100个字。", "Search words have 1 to 100 characters.")


class _Reader:
    """Reads parameters one by one and gathers what is wrong."""

    def __init__(self, params: Mapping[str, str]) -> None:
        self.params = params
        self.wrong: dict[str, Label] = {}

    def codes(self, name: str) -> tuple[str, ...]:
        if not self.params.get(name):
            return self._empty(name)
        found = tuple(part.strip() for part in self.params[name].split(","))
        for value in found:
            if not _CODE.fullmatch(value):
                self.wrong[name] = _BAD_CODE.filled(value=value[:64])
        return found

    def _empty(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def states(self, process: Process) -> tuple[str, ...]:
        found = self.codes("state")
        known = process.compiled.states
        for value in found:
            if value not in known:
                self.wrong["state"] = _BAD_STATE.filled(value=value[:64], known=", ".join(known))
        return found

    def flag(self, name: str) -> bool | None:
        value = self.params.get(name, "")
        if value in ("true", "1"):
            return True
        if value in ("false", "0"):
            return False
        if value:
            self.wrong[name] = _BAD_FLAG
        return None

    def instant(self, name: str) -> int | None:
        value = self.params.get(name, "")
        if not value:
            return None
        try:
            found = parse_instant(value)
        except (ValueError, OverflowError):
            found = -1
        if not EARLIEST <= found <= LATEST:
            self.wrong[name] = _BAD_TIME
            return None
        return found

    def words(self) -> str:
        value = self.params.get("q", "").strip()
        if len(value) > WORDS_AT_MOST:
            self.wrong["q"] = _BAD_WORDS
        return value

    def limit(self, usual: int) -> int:
        value = self.params.get("limit", "")
        if not value:
            return usual
        if not value.isascii() or not value.isdecimal() or not 1 <= int(value[:6]) <= LIMIT_AT_MOST:
            self.wrong["limit"] = _BAD_LIMIT
            return usual
        return int(value)

    def finish(self) -> None:
        if self.wrong:
            raise Invalid(next(iter(self.wrong.values())), fields=self.wrong)


class _StrictReader(_Reader):
    """For programs: a parameter that is there but empty asks for nothing that exists."""

    def _empty(self, name: str) -> tuple[str, ...]:
        if name in self.params:
            self.wrong[name] = _BAD_CODE.filled(value="")
        return ()

    def flag(self, name: str) -> bool | None:
        if self.params.get(name) not in (None, "true", "false"):
            self.wrong[name] = _BAD_FLAG
            return None
        return super().flag(name)

    def instant(self, name: str) -> int | None:
        if self.params.get(name) == "":
            self.wrong[name] = _BAD_TIME
            return None
        return super().instant(name)

    def words(self) -> str:
        if "q" in self.params and not self.params["q"].strip():
            self.wrong["q"] = _BAD_WORDS
        return super().words()

    def limit(self, usual: int) -> int:
        if self.params.get("limit") == "":
            self.wrong["limit"] = _BAD_LIMIT
            return usual
        return super().limit(usual)


def wanted(
    process: Process, params: Mapping[str, str], *, usual: int = 50, strict: bool = False
) -> tuple[Filter, int]:
    """The filter and the page's length; Invalid names each parameter that says nothing.

    `strict` is for programs: an empty parameter is wrong there, where a form's empty choice asks for nothing.
    """
    reader = _StrictReader(params) if strict else _Reader(params)
    holder = reader.codes("holder")
    states = reader.states(process)
    found = Filter(
        process.name,
        states=states,
        kinds=reader.codes("kind"),
        streets=reader.codes("street"),
        communities=reader.codes("community"),
        units=reader.codes("unit"),
        holder=holder[0] if holder else "",
        open=_open(process, states, reader.flag("open")),
        breached=reader.flag("breached"),
        due_before=reader.instant("due_before"),
        words=reader.words(),
    )
    limit = reader.limit(usual)
    reader.finish()
    return found, limit


def _open(process: Process, states: tuple[str, ...], asked: bool | None) -> bool | None:
    """Whether open cases are meant; states that are ends are done, so that what runs need not be looked through."""
    known = process.compiled.states
    ends = [state in known and (known[state].final or known[state].closes) for state in states]
    return False if asked is None and ends and all(ends) else asked
