"""Figures: answers to questions about metrics, from the store itself or, past some size, from DuckDB in a process of its own.

Headline, groups and rows of one answer are read at one seq of the history. The analytics process is started
by the first question that needs it and ends after a while without one, so that an idle server stays small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from civicloop.kernel.figures.analytics import Analytics
from civicloop.kernel.figures.metric import Cell, Figure, Metric, Question
from civicloop.kernel.figures.sql import Dialect, Writer
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Missing
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx

ENOUGH_FOR_ANALYTICS = 20_000  # history rows; below it the store answers faster than a process starts

_NO_METRIC = Label(
    "没有名为“{name}”的指标。可用：{known}。", "There is no figure “{name}”. There are: {known}."
)


class Figures:
    """The figures of one district."""

    def __init__(
        self, district: str, store: Store, metrics: Mapping[str, Metric], offset: int, analytics: Analytics
    ) -> None:
        self.district = district
        self.metrics = dict(metrics)
        self._store = store
        self._offset = offset
        self._analytics = analytics

    def metric(self, name: str) -> Metric:
        """The metric of that name; Missing with the known ones."""
        found = self.metrics.get(name)
        if found is None:
            raise Missing(_NO_METRIC.filled(name=name, known=", ".join(self.metrics)))
        return found

    def answer(self, name: str, question: Question) -> Figure:
        """The figure, with its groups where the question splits it."""
        return self.answers([(name, question)])[0]

    def answers(self, asked: list[tuple[str, Question]]) -> list[Figure]:
        """Several figures at the same seq."""
        metrics = [self.metric(name) for name, _ in asked]
        with self._store.read() as tx:
            seq = _seq(tx, self.district)
            if seq < ENOUGH_FOR_ANALYTICS:
                writer = Writer(
                    "sqlite" if tx.dialect == "sqlite" else "postgres", self.district, self._offset
                )
                return [
                    _figure(
                        m,
                        seq,
                        tx.dialect,
                        tx.all(*writer.headline(m, q)),
                        tx.all(*writer.groups(m, q)) if q.by else [],
                    )
                    for m, (_, q) in zip(metrics, asked, strict=True)
                ]
        writer = Writer("duckdb", self.district, self._offset)
        statements = []
        for metric, (_, question) in zip(metrics, asked, strict=True):
            statements.append(writer.headline(metric, question))
            if question.by:
                statements.append(writer.groups(metric, question))
        seq, results = self._analytics.ask(statements)
        tables = iter(results)
        return [
            _figure(metric, seq, "duckdb", next(tables), next(tables) if question.by else [])
            for metric, (_, question) in zip(metrics, asked, strict=True)
        ]

    def prepare(self) -> bool:
        """Exports what large figures are read from up to the head, so that the next question need not wait; False where none is needed."""
        with self._store.read() as tx:
            if _seq(tx, self.district) < ENOUGH_FOR_ANALYTICS:
                return False
        self._analytics.ask([])
        return True

    def rows(
        self,
        name: str,
        question: Question,
        columns: tuple[str, ...],
        *,
        after: str = "",
        limit: int = 50,
        holding: bool | None = None,
    ) -> tuple[int, list[dict[str, Any]], str]:
        """The cases behind a figure: (seq, rows, cursor of the next page), by id."""
        metric = self.metric(name)
        with self._store.read() as tx:
            seq = _seq(tx, self.district)
            if seq < ENOUGH_FOR_ANALYTICS:
                sql, params = self._page(
                    Writer(_dialect(tx), self.district, self._offset),
                    metric,
                    question,
                    columns,
                    after,
                    limit,
                    holding,
                )
                found = tx.all(sql, params)
                return seq, *_cut(found, columns, limit)
        writer = Writer("duckdb", self.district, self._offset)
        seq, [table] = self._analytics.ask(
            [self._page(writer, metric, question, columns, after, limit, holding)]
        )
        return seq, *_cut([tuple(row) for row in table], columns, limit)

    @staticmethod
    def _page(
        writer: Writer,
        metric: Metric,
        question: Question,
        columns: tuple[str, ...],
        after: str,
        limit: int,
        holding: bool | None,
    ) -> tuple[str, list[Any]]:
        sql, params = writer.rows(metric, question, ", ".join(("id", *columns)), only_holding=holding)
        return f"{sql} AND id > ? ORDER BY id LIMIT ?", [*params, after, limit + 1]

    def close(self) -> None:
        """Ends the analytics process, if one runs."""
        self._analytics.close()


def _dialect(tx: Tx) -> Dialect:
    return "sqlite" if tx.dialect == "sqlite" else "postgres"


def _seq(tx: Tx, district: str) -> int:
    row = tx.one("SELECT seq FROM chain_heads WHERE district = ?", (district,))
    return int(row[0]) if row else 0


def _figure(metric: Metric, seq: int, engine: str, headline: list[Any], groups: list[Any]) -> Figure:
    whole = _cell(headline[0]) if headline else Cell("", None, 0)
    return Figure(metric.name, seq, whole, tuple(_cell(row) for row in groups), engine)


def _cell(row: Any) -> Cell:
    key, value, count = row
    rows = int(count or 0)
    return Cell(str(key or ""), None if value is None or rows == 0 else float(value), rows)


def _cut(found: list[Any], columns: tuple[str, ...], limit: int) -> tuple[list[dict[str, Any]], str]:
    shown = [dict(zip(("id", *columns), row, strict=True)) for row in found[:limit]]
    return shown, shown[-1]["id"] if len(found) > limit else ""
