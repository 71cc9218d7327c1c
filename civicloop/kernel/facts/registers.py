"""Registers: the dated things that loops are about (merchants, firms, estates, units, cameras, streets, communities).

An entity has one id and at most one legal id. What is said about it are facts: an attribute's value, by a
source, with the time it holds and the time since when it is known. Facts are only ever added: a correction
is a new fact of the same source and `valid_from`, known later; a value of None says that the source has
nothing to say. Where sources differ, the register's precedence decides. A duplicate can be merged into its
like and taken out again: both keep their own facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from civicloop.kernel.facts.grams import GramQuery, grams, normalised
from civicloop.kernel.facts.reference import holding_as_known, known_from_now, latest_of_period
from civicloop.kernel.facts.search import asked, contained, with_prefixes
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Conflict, Invalid, Missing
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant
from civicloop.kernel.time.ids import Ids

_ENTITY = "SELECT id, legal_id, created_at FROM entities WHERE district = ? AND register = ? AND id = ?"
_BY_LEGAL_ID = "SELECT id FROM entities WHERE district = ? AND register = ? AND legal_id = ?"
_PAGE = (
    "SELECT id, legal_id, created_at FROM entities WHERE district = ? AND register = ? AND id > ? "
    "ORDER BY id LIMIT ?"
)
_NEW_ENTITY = "INSERT INTO entities (district, register, id, legal_id, created_at) VALUES (?, ?, ?, ?, ?)"
_LEGAL_ID = (
    "UPDATE entities SET legal_id = ? WHERE district = ? AND register = ? AND id = ? AND legal_id IS NULL"
)
_FACTS_BETWEEN = (
    "SELECT entity_id, attribute, source, valid_from, valid_to, known_from, value, recorded_by FROM entity_facts "
    "WHERE district = ? AND register = ? AND entity_id >= ? AND entity_id <= ? "
    "ORDER BY entity_id, attribute, source, valid_from, known_from"
)
_NEW_FACT = (
    "INSERT INTO entity_facts (district, register, entity_id, attribute, source, valid_from, known_from, "
    "valid_to, value, recorded_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# Of each entity's merge rows the newest one known then tells where it stands.
_NEWER = (
    "AND m.recorded_at <= ? AND NOT EXISTS (SELECT 1 FROM entity_merges n WHERE n.district = m.district "
    "AND n.register = m.register AND n.entity_id = m.entity_id AND n.number > m.number AND n.recorded_at <= ?)"
)
_MASTER = (
    "SELECT m.into_id FROM entity_merges m WHERE m.district = ? AND m.register = ? AND m.entity_id = ? "
    f"AND m.merged = 1 {_NEWER}"
)
_MEMBERS = (
    "SELECT m.entity_id FROM entity_merges m WHERE m.district = ? AND m.register = ? AND m.into_id = ? "
    f"AND m.merged = 1 {_NEWER} ORDER BY m.entity_id"
)
_ALL_MERGES = (
    "SELECT m.entity_id, m.into_id FROM entity_merges m WHERE m.district = ? AND m.register = ? "
    f"AND m.merged = 1 {_NEWER}"
)
_NEW_MERGE = (
    "INSERT INTO entity_merges (district, register, entity_id, number, into_id, merged, recorded_at, recorded_by) "
    "SELECT ?, ?, ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ? FROM entity_merges "
    "WHERE district = ? AND register = ? AND entity_id = ?"
)
_NEW_GRAM = "INSERT INTO entity_grams (district, register, gram, entity_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_ALWAYS = 2**63 - 1
_CANDIDATES = 500

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Register:
    """A kind of entity: its sources from the most trusted on, and the attributes it is found by."""

    name: str
    label: Label
    precedence: tuple[str, ...] = ()
    names: tuple[str, ...] = ("name",)


@dataclass(frozen=True, slots=True)
class EntityRow:
    """One entity as a pack or an import brings it: all of one source and period."""

    register: str
    id: str
    attributes: Mapping[str, Any]
    source: str
    valid_from: Instant
    valid_to: Instant | None = None
    known_from: Instant | None = None
    legal_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """What one source says of one attribute, from `valid_from` until before `valid_to`."""

    entity_id: str
    attribute: str
    source: str
    valid_from: Instant
    valid_to: Instant | None
    known_from: Instant
    value: Any
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity at a moment: `attributes` by precedence, `by_source[attribute][source]`, `merged` the ids it took in."""

    register: str
    id: str
    legal_id: str | None
    attributes: Mapping[str, Any]
    by_source: Mapping[str, Mapping[str, Any]]
    merged: tuple[str, ...]

    @property
    def name(self) -> str:
        """What to call it on a page: its name, else its id."""
        name = self.attributes.get("name")
        return name if isinstance(name, str) and name else self.id


_Matter = tuple[str, str]  # attribute, source
_Facts = dict[_Matter, list[Fact]]


class Registers:
    """A district's registers."""

    def __init__(self, store: Store, district: str, ids: Ids, registers: Iterable[Register] = ()) -> None:
        self.district = district
        self._clock = store.clock
        self._ids = ids
        self._registers = {register.name: register for register in registers}

    def declare(self, registers: Iterable[Register]) -> None:
        """Makes the registers of a loop known; ValueError when two loops declare one differently."""
        for register in registers:
            known = self._registers.setdefault(register.name, register)
            if known != register:
                raise ValueError(f"the register {register.name!r} is declared twice, and differently")

    def put(
        self,
        tx: Tx,
        register: str,
        attributes: Mapping[str, Any],
        *,
        source: str,
        recorded_by: str,
        id: str | None = None,
        legal_id: str | None = None,
        valid_from: Instant | None = None,
        valid_to: Instant | None = None,
        known_from: Instant | None = None,
    ) -> str:
        """Records what `source` says and returns the entity's id: the given one, the legal id's, or a new one.

        What is already recorded so adds nothing. Invalid when the legal id is another entity's, or a
        correction would rewrite the past.
        """
        now = self._clock.now()
        row = EntityRow(
            register,
            self._identify(tx, register, id, legal_id),
            attributes,
            source,
            now if valid_from is None else valid_from,
            valid_to,
            known_from,
            legal_id,
        )
        self._put(tx, row, now, recorded_by)
        return row.id

    def load(self, tx: Tx, rows: Iterable[EntityRow], *, recorded_by: str) -> int:
        """Records a pack's or an import's rows and returns how many facts were new: 0 the second time."""
        now = self._clock.now()
        return sum(self._put(tx, row, now, recorded_by) for row in rows)

    def get(self, tx: Tx, register: str, id: str) -> Entity | None:
        """The entity now; of a merged one, the entity it was merged into."""
        return self.at(tx, register, id, self._clock.now())

    def at(
        self, tx: Tx, register: str, id: str, at: Instant, known_at: Instant | None = None
    ) -> Entity | None:
        """The entity as it was at `at`, by all that is recorded, or by what was known at `known_at`."""
        master = self._master(tx, register, id, known_at)
        row = tx.one(_ENTITY, (self.district, register, master))
        if row is None:
            return None
        members = self._members(tx, register, master, known_at)
        facts = [self._facts(tx, register, member) for member in (master, *members)]
        if known_at is not None and row[2] > known_at and not _any_known(facts, known_at):
            return None
        legal_ids = [row[1], *(self._legal_id(tx, register, member) for member in members)]
        legal_id = next((legal_id for legal_id in legal_ids if legal_id is not None), None)
        return self._entity(register, master, legal_id, members, facts, at, known_at)

    def by_legal_id(self, tx: Tx, register: str, legal_id: str) -> Entity | None:
        """The entity with this legal id, now."""
        row = tx.one(_BY_LEGAL_ID, (self.district, register, legal_id))
        return None if row is None else self.get(tx, register, row[0])

    def all(
        self, tx: Tx, register: str, *, at: Instant | None = None, after: str = "", limit: int = 1000
    ) -> list[Entity]:
        """The entities by id from the one after `after` on, as they are at `at` or now; merged ones within their likes."""
        moment = self._clock.now() if at is None else at
        page = tx.all(_PAGE, (self.district, register, after, limit))
        if not page:
            return []
        merges: dict[str, str] = dict(tx.all(_ALL_MERGES, (self.district, register, _ALWAYS, _ALWAYS)))
        masters = set(merges.values())
        facts = self._facts_between(tx, register, page[0][0], page[-1][0])
        entities: list[Entity] = []
        for id, legal_id, _ in page:
            if id in merges:
                continue
            if id in masters:
                entity = self.at(tx, register, id, moment)
                assert entity is not None, "an entity is never deleted"
                entities.append(entity)
            else:
                entities.append(self._entity(register, id, legal_id, (), [facts.get(id, {})], moment, None))
        return entities

    def facts(self, tx: Tx, register: str, id: str) -> list[Fact]:
        """Every fact ever recorded under this very id, by attribute, source, valid_from, known_from."""
        return [fact for of in self._facts(tx, register, id).values() for fact in of]

    def find(self, tx: Tx, register: str, query: str, limit: int = 20) -> list[Entity]:
        """The entities with this id or legal id, or a name, present or past, that holds every word of `query`.

        The nearest first: the exact name, then the shortest. Invalid when there is nothing to look for.
        """
        question = asked(query)
        ids = [row[0] for row in tx.all(_BY_LEGAL_ID, (self.district, register, query.strip()))]
        ids += [row[0] for row in tx.all(_ENTITY, (self.district, register, query.strip()))]
        ids += [id for id in self._named(tx, register, question) if self._holds(tx, register, id, question)]
        found: dict[str, Entity] = {}
        for id in ids:
            entity = self.get(tx, register, id)
            if entity is not None:
                found.setdefault(entity.id, entity)
        exact = normalised(query.strip())
        nearest = sorted(
            found.values(),
            key=lambda e: (exact not in (e.id, e.legal_id, normalised(e.name)), len(e.name), e.name, e.id),
        )
        return nearest[:limit]

    def merge(self, tx: Tx, register: str, id: str, into: str, *, by: str) -> None:
        """Makes `id` one with `into` until it is unmerged; Conflict when it is merged already, or with itself."""
        for each in (id, into):
            if tx.one(_ENTITY, (self.district, register, each)) is None:
                raise Missing(_NO_ENTITY.filled(id=each))
        if self._master(tx, register, id, None) != id:
            raise Conflict(_MERGED.filled(id=id))
        if self._master(tx, register, into, None) == id:
            raise Conflict(_ITSELF)
        both = (self._legal_id(tx, register, id), self._legal_id(tx, register, into))
        if None not in both:
            raise Conflict(_TWO_LEGAL_IDS.filled(first=both[0], second=both[1]))
        self._merge_row(tx, register, id, into, True, by)

    def unmerge(self, tx: Tx, register: str, id: str, *, by: str) -> None:
        """Takes a merged entity out again, with its own facts; Conflict when it is not merged."""
        row = tx.one(_MASTER, (self.district, register, id, _ALWAYS, _ALWAYS))
        if row is None:
            raise Conflict(_NOT_MERGED.filled(id=id))
        self._merge_row(tx, register, id, row[0], False, by)

    def _merge_row(self, tx: Tx, register: str, id: str, into: str, merged: bool, by: str) -> None:
        key = (self.district, register, id)
        tx.run(_NEW_MERGE, (*key, into, int(merged), self._clock.now(), by, *key))

    def _master(self, tx: Tx, register: str, id: str, known_at: Instant | None) -> str:
        until = _ALWAYS if known_at is None else known_at
        passed: set[str] = set()
        # Two merges at the same moment on PostgreSQL may close a circle: then its first id stands for all.
        while (row := tx.one(_MASTER, (self.district, register, id, until, until))) is not None:
            if row[0] in passed:
                return min(passed)
            passed.add(id := row[0])
        return id

    def _members(self, tx: Tx, register: str, master: str, known_at: Instant | None) -> tuple[str, ...]:
        until = _ALWAYS if known_at is None else known_at
        members: set[str] = set()
        asked_for = [master]
        while asked_for:
            rows = tx.all(_MEMBERS, (self.district, register, asked_for.pop(), until, until))
            new = {row[0] for row in rows} - members - {master}
            members |= new
            asked_for.extend(new)
        return tuple(sorted(members))

    def _legal_id(self, tx: Tx, register: str, id: str) -> str | None:
        row = tx.one(_ENTITY, (self.district, register, id))
        return None if row is None else row[1]

    def _facts(self, tx: Tx, register: str, id: str) -> _Facts:
        return self._facts_between(tx, register, id, id).get(id, {})

    def _facts_between(self, tx: Tx, register: str, first: str, last: str) -> dict[str, _Facts]:
        facts: dict[str, _Facts] = {}
        for r in tx.all(_FACTS_BETWEEN, (self.district, register, first, last)):
            fact = Fact(r[0], r[1], r[2], r[3], r[4], r[5], _decode(r[6]), r[7])
            facts.setdefault(r[0], {}).setdefault((r[1], r[2]), []).append(fact)
        return facts

    def _entity(
        self,
        register: str,
        id: str,
        legal_id: str | None,
        members: tuple[str, ...],
        facts: Sequence[_Facts],
        at: Instant,
        known_at: Instant | None,
    ) -> Entity:
        held: dict[str, dict[str, Fact]] = {}
        for one in facts:  # the entity's own first, then those it took in
            for (attribute, source), rows in one.items():
                fact = holding_as_known(rows, at, known_at)
                if fact is not None and fact.value is not None:
                    held.setdefault(attribute, {}).setdefault(source, fact)
        precedence = self._registers[register].precedence if register in self._registers else ()
        rank = {source: position for position, source in enumerate(precedence)}

        def trust(fact: Fact) -> tuple[int, int, str]:
            return rank.get(fact.source, len(rank)), -fact.valid_from, fact.source

        return Entity(
            register,
            id,
            legal_id,
            {attribute: min(of.values(), key=trust).value for attribute, of in held.items()},
            {attribute: {s: fact.value for s, fact in of.items()} for attribute, of in held.items()},
            members,
        )

    def _identify(self, tx: Tx, register: str, id: str | None, legal_id: str | None) -> str:
        if id is not None:
            return id
        if legal_id is not None:
            row = tx.one(_BY_LEGAL_ID, (self.district, register, legal_id))
            if row is not None:
                found: str = row[0]
                return found
        return self._ids.new("e")

    def _put(self, tx: Tx, row: EntityRow, now: Instant, recorded_by: str) -> int:
        self._keep_entity(tx, row, now)
        if row.valid_to is not None and row.valid_to < row.valid_from:
            raise Invalid(_ENDS_EARLY, fields={"valid_to": _ENDS_EARLY})
        facts = self._facts(tx, row.register, row.id)
        added = 0
        for attribute, value in row.attributes.items():
            rows = facts.get((attribute, row.source), [])
            before = latest_of_period(rows, row.valid_from)
            standing = before or holding_as_known(rows, row.valid_from, None)
            text = _encode(value).decode()
            if (
                standing is not None
                and standing.valid_to == row.valid_to
                and _encode(standing.value).decode() == text
            ):
                continue
            known_from = known_from_now(now, row.known_from, before)
            if before is not None and known_from <= before.known_from:
                raise Invalid(_REWRITES, fields={attribute: _REWRITES})
            key = (self.district, row.register, row.id, attribute, row.source)
            tx.run(_NEW_FACT, (*key, row.valid_from, known_from, row.valid_to, text, recorded_by))
            added += 1
            self._index_name(tx, row, attribute, value)
        return added

    def _keep_entity(self, tx: Tx, row: EntityRow, now: Instant) -> None:
        known = tx.one(_ENTITY, (self.district, row.register, row.id))
        if row.legal_id is not None and (known is None or known[1] != row.legal_id):
            other = tx.one(_BY_LEGAL_ID, (self.district, row.register, row.legal_id))
            if other is not None or (known is not None and known[1] is not None):
                holder = other[0] if other is not None else row.id
                reason = _LEGAL_ID_TAKEN.filled(legal_id=row.legal_id, id=holder)
                raise Invalid(reason, fields={"legal_id": reason})
        if known is None:
            tx.run(_NEW_ENTITY, (self.district, row.register, row.id, row.legal_id, now))
        elif row.legal_id is not None and known[1] is None:
            tx.run(_LEGAL_ID, (row.legal_id, self.district, row.register, row.id))

    def _index_name(self, tx: Tx, row: EntityRow, attribute: str, value: Any) -> None:
        if attribute in self._names(row.register) and isinstance(value, str):
            tokens = with_prefixes(grams(value))
            tx.run_many(_NEW_GRAM, [(self.district, row.register, token, row.id) for token in tokens])

    def _names(self, register: str) -> tuple[str, ...]:
        return self._registers[register].names if register in self._registers else ("name",)

    def _named(self, tx: Tx, register: str, question: GramQuery) -> list[str]:
        tokens = list(dict.fromkeys(contained(question)[0]))
        marks = ", ".join("?" * len(tokens))
        rows = tx.all(
            f"SELECT entity_id FROM entity_grams WHERE district = ? AND register = ? AND gram IN ({marks}) "
            "GROUP BY entity_id HAVING COUNT(*) = ? ORDER BY entity_id LIMIT ?",
            (self.district, register, *tokens, len(tokens), _CANDIDATES),
        )
        return [row[0] for row in rows]

    def _holds(self, tx: Tx, register: str, id: str, question: GramQuery) -> bool:
        """Whether one name that the entity ever had holds every fragment as it stands."""
        names = self._names(register)
        texts = [
            normalised(fact.value)
            for fact in self.facts(tx, register, id)
            if fact.attribute in names and isinstance(fact.value, str)
        ]
        return any(all(fragment in text for fragment in question.fragments) for text in texts)


def _any_known(facts: Sequence[_Facts], known_at: Instant) -> bool:
    return any(fact.known_from <= known_at for one in facts for rows in one.values() for fact in rows)


_NO_ENTITY = Label("登记册里没有“{id}”。", "The register has no {id}.")
_MERGED = Label("“{id}”已经并入别的条目，请先撤销合并。", "{id} is merged already: undo that first.")
_NOT_MERGED = Label("“{id}”没有并入别的条目。", "{id} is not merged.")
_ITSELF = Label("不能并入自己。", "An entity can't be merged with itself.")
_TWO_LEGAL_IDS = Label(
    "两个条目的法定编号不同（{first}、{second}），是两个主体，不能合并。",
    "The two have different legal ids ({first}, {second}): they are two persons in law and can't be merged.",
)
_LEGAL_ID_TAKEN = Label(
    "法定编号{legal_id}与条目“{id}”不符：一个条目只有一个法定编号，一个法定编号只属于一个条目。",
    "The legal id {legal_id} does not fit {id}: an entity has one legal id, and a legal id one entity.",
)
_ENDS_EARLY = Label("失效时间不能早于生效时间。", "The end can't be before the start.")
_REWRITES = Label(
    "更正的知悉时间必须晚于被更正的记录，否则会改写过去。",
    "A correction must be known later than the fact it corrects, or it would rewrite the past.",
)
