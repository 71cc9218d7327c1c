"""A question as SQL: the same values give the statement of SQLite, PostgreSQL and DuckDB.

All three read a table of cases. A quantile is the nearest rank: of n values in order, number ceil(q * n).
"""

from __future__ import annotations

from typing import Any, Literal

from civicloop.kernel.figures.metric import HOUR_US, Column, Condition, Elapsed, Measure, Metric, Question
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid

Dialect = Literal["sqlite", "postgres", "duckdb"]
Sql = tuple[str, list[Any]]

QUANTILES = {"median": (1, 2), "p90": (9, 10)}
FILTERS = ("kind", "street", "community", "unit", "source", "state", "month")

_NO_DIMENSION = Label(
    "该指标不能按“{name}”分组或筛选；可用：{known}。",
    "This figure can't be split or kept to “{name}”; it can be by {known}.",
)

# A month of the district as text, from microseconds; the zone's offset comes as a parameter.
_MONTH = {
    "sqlite": "strftime('%Y-%m', ({column} + ?) / 1000000, 'unixepoch')",
    "postgres": "to_char(to_timestamp(({column} + ?) / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM')",
    "duckdb": "strftime(make_timestamp({column} + ?), '%Y-%m')",
}
_DATA = {
    "sqlite": "json_extract(data, '$.{name}')",
    "postgres": "(data::jsonb ->> '{name}')",
    "duckdb": "json_extract_string(data, '$.{name}')",
}


class Writer:
    """Writes the statements of one dialect; `offset` is the zone's distance from UTC in microseconds."""

    def __init__(self, dialect: Dialect, district: str, offset: int) -> None:
        self._dialect = dialect
        self._district = district
        self._offset = offset

    def headline(self, metric: Metric, question: Question) -> Sql:
        """The whole: one row (value, rows)."""
        return self._aggregate(metric, question, "")

    def groups(self, metric: Metric, question: Question) -> Sql:
        """Each group: rows (key, value, rows), largest first."""
        self._allowed(metric, question.by)
        return self._aggregate(metric, question, question.by)

    def rows(
        self, metric: Metric, question: Question, columns: str, *, only_holding: bool | None = None
    ) -> Sql:
        """The cases that the figure counts; of a share, with `only_holding`, those that hold or don't."""
        where, params = self._where(metric, question)
        if only_holding is not None:
            holds, more = self._all(metric.holds)
            where += f" AND {'' if only_holding else 'NOT '}COALESCE({holds}, FALSE)"
            params += more
        return f"SELECT {columns} FROM cases WHERE {where}", params

    def _aggregate(self, metric: Metric, question: Question, by: str) -> Sql:
        key, key_params = self._dimension(metric, by) if by else ("''", [])
        where, params = self._where(metric, question)
        if metric.aggregator in QUANTILES:
            return self._quantile(metric, key, key_params, where, params)
        value, value_params = self._value(metric)
        sql = f"SELECT {key} AS k, {value}, COUNT(*) FROM cases WHERE {where}"
        if by:
            sql += " GROUP BY k ORDER BY 3 DESC, 1"
        return sql, [*key_params, *value_params, *params]

    def _value(self, metric: Metric) -> Sql:
        if metric.aggregator == "count":
            return "COUNT(*)", []
        if metric.aggregator == "share":
            holds, params = self._all(metric.holds)
            return f"AVG(CASE WHEN {holds} THEN 100.0 ELSE 0.0 END)", params
        assert metric.measure is not None
        expression, params = self._measure(metric.measure)
        return f"{'AVG' if metric.aggregator == 'mean' else 'SUM'}({expression})", params

    def _quantile(
        self, metric: Metric, key: str, key_params: list[Any], where: str, params: list[Any]
    ) -> Sql:
        """Nearest rank by counting, the same statement everywhere."""
        assert metric.measure is not None
        expression, more = self._measure(metric.measure)
        part, whole = QUANTILES[metric.aggregator]
        inner = f"SELECT {key} AS k, {expression} AS v FROM cases WHERE {where}"
        ranked = (
            "SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS r, COUNT(*) OVER (PARTITION BY k) AS n"
            f" FROM ({inner}) measured"
        )
        sql = (
            f"SELECT k, MAX(CASE WHEN r = (n * {part} + {whole - 1}) / {whole} THEN v END), MAX(n)"
            f" FROM ({ranked}) ranked GROUP BY k ORDER BY 3 DESC, 1"
        )
        if self._dialect == "duckdb":
            sql = f"SELECT k, quantile_disc(v, {part / whole}), COUNT(*) FROM ({inner}) measured GROUP BY k ORDER BY 3 DESC, 1"
        return sql, [*key_params, *more, *params]

    def _where(self, metric: Metric, question: Question) -> Sql:
        parts: list[str] = ["district = ?", "process = ?"]
        params: list[Any] = [self._district, metric.process]
        conditions, more = self._all(metric.where)
        if conditions:
            parts.append(conditions)
            params += more
        for name, value in question.only:
            expression, own = self._dimension(metric, name)
            parts.append(f"{expression} = ?")
            params += [*own, value]
        if question.since is not None:
            parts.append(f"{metric.period} >= ?")
            params.append(question.since)
        if question.until is not None:
            parts.append(f"{metric.period} < ?")
            params.append(question.until)
        return " AND ".join(parts), params

    def _dimension(self, metric: Metric, name: str) -> Sql:
        self._allowed(metric, name)
        if name == "month":
            return _MONTH[self._dialect].format(column=metric.period), [self._offset]
        return name, []

    def _allowed(self, metric: Metric, name: str) -> None:
        if name not in metric.dimensions and name not in FILTERS:
            reason = _NO_DIMENSION.filled(name=name, known=", ".join(metric.dimensions))
            raise Invalid(reason, fields={"by": reason})

    def _all(self, conditions: tuple[Condition, ...]) -> Sql:
        parts: list[str] = []
        params: list[Any] = []
        for condition in conditions:
            sql, more = self._condition(condition)
            parts.append(sql)
            params += more
        return " AND ".join(parts), params

    def _condition(self, condition: Condition) -> Sql:
        expression, params = (
            self._measure(condition.of)
            if isinstance(condition.of, Elapsed)
            else (self._named(condition.of), [])
        )
        match condition.operator:
            case "known":
                return f"{expression} IS NOT NULL", params
            case "unknown":
                return f"{expression} IS NULL", params
            case "in":
                return f"{expression} IN ({', '.join('?' * len(condition.value))})", [
                    *params,
                    *condition.value,
                ]
            case operator:
                return f"{expression} {operator} ?", [*params, condition.value]

    def _measure(self, measure: Measure) -> Sql:
        if isinstance(measure, Column):
            return self._named(measure.name), []
        return f"({self._moment(measure.end)} - {self._moment(measure.start)}) / {HOUR_US}.0", []

    def _moment(self, name: str) -> str:
        """A moment of the case itself, or of its own data, where two of the databases give it as text."""
        return f"CAST({self._named(name)} AS BIGINT)" if name.startswith("data.") else name

    def _named(self, name: str) -> str:
        head, dot, tail = name.partition(".")
        if not dot:
            return name
        if head != "data" or not tail.isidentifier():
            raise ValueError(f"{name!r} names no column of a case")
        return _DATA[self._dialect].format(name=tail)
