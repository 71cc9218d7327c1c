"""Released process versions: the moves as rows, which the database's own rules are judged by.

A version is released by a numbered migration of its loop, drafted by `civicloop migrate draft`, frozen and
checked in. Start-up compares what the code declares with what the database holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from civicloop.kernel.cases.history import canonical
from civicloop.kernel.cases.process import Process
from civicloop.kernel.store.transaction import Tx


class NotReleased(Exception):
    """The declaration differs from what is released under its version."""


def declaration_text(process: Process) -> str:
    """The canonical text of a process version: what a past case was judged by, without the code's functions."""
    return canonical(
        {
            "name": process.name,
            "version": process.version,
            "states": [[s.name, s.label.zh, s.label.en, s.start, s.final, s.closes] for s in process.states],
            "actions": [
                [
                    a.name,
                    a.label.zh,
                    a.label.en,
                    a.moves,
                    sorted(a.roles),
                    [[f.name, f.kind, f.required] for f in a.evidence],
                    # Only where there are any, so that the text of what was released before stays as it is.
                    *([list(a.because), a.inverse] if a.because or a.inverse else []),
                ]
                for a in process.actions
            ],
            "limits": [
                [
                    x.name,
                    list(x.start),
                    list(x.stop),
                    list(x.pause),
                    list(x.resume),
                    repr(x.within),
                    x.calendar,
                    x.re_entry,
                    x.on_breach,
                    *([[[s.name, s.until, repr(s.within), s.calendar] for s in x.steps]] if x.steps else []),
                ]
                for x in process.limits
            ],
            "facts": [f.name for f in process.facts],
            "moves": [list(row) for row in move_rows(process)],
        }
    )


def move_rows(process: Process) -> list[tuple[str, int, str, str, str, int]]:
    """The rows of `moves` of this version."""
    return sorted(
        (process.name, process.version, m.from_state, m.action, m.to_state, int(m.remembered))
        for m in process.compiled.moves
    )


def release(tx: Tx, process: Process) -> None:
    """Writes a version's rows; for tests and drafts, a released loop does it by its migration."""
    tx.run(
        "INSERT INTO process_versions (process, version, declaration) VALUES (?, ?, ?)",
        (process.name, process.version, declaration_text(process)),
    )
    tx.run_many("INSERT INTO moves VALUES (?, ?, ?, ?, ?, ?)", move_rows(process))


def release_sql(process: Process) -> str:
    """The same as the text of a migration."""

    def quoted(value: object) -> str:
        return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"

    rows = ",\n  ".join("(" + ", ".join(quoted(v) for v in row) + ")" for row in move_rows(process))
    return (
        f"-- {process.label.en}, version {process.version}\n"
        "INSERT INTO process_versions (process, version, declaration) VALUES\n"
        f"  ({quoted(process.name)}, {process.version}, {quoted(declaration_text(process))});\n"
        f"INSERT INTO moves (process, version, from_state, action, to_state, remembered) VALUES\n  {rows};\n"
    )


def unreleased(tx: Tx, processes: Iterable[Process]) -> list[str]:
    """What is wrong between code and database, a sentence a process; empty when all is well."""
    found: list[str] = []
    for process in processes:
        row = tx.one(
            "SELECT declaration FROM process_versions WHERE process = ? AND version = ?",
            (process.name, process.version),
        )
        if row is None:
            found.append(
                f"{process.name} version {process.version} is not released: run 'civicloop migrate draft' and check in the file"
            )
        elif row[0] != declaration_text(process):
            found.append(
                f"{process.name} version {process.version} was changed after its release: raise its version "
                "(with an Upgrade where a state went), then run 'civicloop migrate draft'"
            )
    return found
