"""Declared fields as form controls, and what a browser sends back as raw values for the kernel to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile

from civicloop.kernel.cases import queue
from civicloop.kernel.cases.fields import DEFAULT_MAXIMUM, Field
from civicloop.kernel.facts.reference import Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import Scope
from civicloop.kernel.refusal import Invalid, Refusal
from civicloop.kernel.registry.district import District
from civicloop.kernel.time.clock import Instant, from_datetime
from civicloop.web import components as ui
from civicloop.web.components import Branch, MapLayer, Option
from civicloop.web.still import still_map

NEAR = ".near"  # beside a case field: one of the cases close by, chosen
KEPT = ".kept"  # beside a photo field: hashes of what an earlier try has uploaded already
CATEGORIES = "categories"

_KEPT_PHOTOS = Label(
    "已上传的照片，取消勾选即不再使用", "Uploaded already; clear the box of what is not to be used"
)
_KEPT_PHOTO = Label("已上传的照片 {n}", "Uploaded photograph {n}")

_NEAR = Label("附近的案件", "Cases close by")


@dataclass(frozen=True)
class Choices:
    """What the choices of a form are drawn from at one moment; units and people are read when they are asked for.

    People are those of `of_unit`, where it has any, else everybody.
    """

    district: District
    snapshot: Snapshot
    now: Instant
    of_unit: str = ""
    cases: tuple[Option, ...] = ()

    @cached_property
    def units(self) -> tuple[Option, ...]:
        """The responsible units by name."""
        return self.entries("units")

    def entries(self, register: str) -> tuple[Option, ...]:
        """The entries of a register by name: what a field of the kind unit chooses from."""
        with self.district.store.read() as tx:
            found = self.district.registers.all(tx, register)
        return tuple(
            Option(u.id, Label(str(u.attributes["name"]), str(u.attributes.get("name_en", u.name))))
            for u in found
        )

    def entry(self, register: str, code: str) -> Label | None:
        """What an entry of a register is called; None where there is none."""
        with self.district.store.read() as tx:
            found = self.district.registers.get(tx, register, code)
        if found is None:
            return None
        return Label(found.name, str(found.attributes.get("name_en", found.name)))

    def holder_name(self, code: str) -> Label | str:
        """What the unit that has a case is called: a responsible unit, or an entry of a register of the loops."""
        own = [name for loop in self.district.registry.loops.values() for name in loop.registers]
        return next((found for name in ("units", *own) if (found := self.entry(name, code))), code)

    @cached_property
    def people(self) -> tuple[Option, ...]:
        """Those with an account, by name."""
        with self.district.store.read() as tx:
            found = [a for a in self.district.people.accounts.all(tx) if a.disabled_at is None]
        if self.of_unit:
            scope = Scope("unit", self.of_unit)
            found = [a for a in found if any(g.scope == scope for g in a.grants)] or found
        return tuple(Option(a.person_id, a.name) for a in found)


def raw_values(fields: Sequence[Field], form: FormData, district: District, actor_id: str) -> dict[str, Any]:
    """What the browser sent, in the shape `read_given` takes; photographs are kept as evidence on the way.

    Runs in a worker thread. `Invalid` when a photograph is refused, with its field's sentence.
    """
    values: dict[str, Any] = {}
    wrong: dict[str, Label] = {}
    zone = ZoneInfo(district.pack.zone)
    for field in fields:
        try:
            value = _raw(field, form, district, actor_id, zone)
        except Refusal as refused:
            wrong[field.name] = refused.reason
            continue
        if value not in (None, "", []):
            values[field.name] = value
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong, extra={"values": values})
    return values


def _raw(field: Field, form: FormData, district: District, actor_id: str, zone: ZoneInfo) -> Any:
    name = field.name
    if field.kind == "point":
        lon, lat = form.get(f"{name}.longitude"), form.get(f"{name}.latitude")
        if not lon and not lat:
            return None
        return {"lon": lon, "lat": lat, "datum": form.get(f"{name}.datum") or "wgs84"}
    if field.kind == "photo":
        hashes = [text for text in form.getlist(name + KEPT) if isinstance(text, str)]
        for upload in form.getlist(name):
            if isinstance(upload, UploadFile) and upload.size:
                item = district.evidence.keep(upload.file.read(), actor_id=actor_id, purpose=name)
                hashes.append(item.hash)
        return list(dict.fromkeys(hashes))
    text = form.get(name)
    if field.kind == "case":
        typed = str(text or "").strip()
        return _case_id(district, typed) if typed else form.get(name + NEAR)
    if not isinstance(text, str):
        return None
    if field.kind == "instant" and text:
        return _local_instant(text, zone)
    return text


def _case_id(district: District, typed: str) -> str:
    """The id of the case of a number; what is none is left for the sentence of whoever looks for it."""
    with district.store.read() as tx:
        return queue.number_or_id(tx, district.code, typed) or typed


def _local_instant(text: str, zone: ZoneInfo) -> Any:
    """A browser's local time as an instant; what can't be read is left for the field's own sentence."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo else from_datetime(moment.replace(tzinfo=zone))


def draw(
    fields: Iterable[Field],
    choices: Choices,
    *,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, Label] | None = None,
    lang: str = "zh",
) -> Markup:
    """The controls of fields, with earlier values and the sentence of each error."""
    return Markup("").join(
        _control(field, choices, (values or {}).get(field.name), (errors or {}).get(field.name, ""), lang)
        for field in fields
    )


def _control(field: Field, choices: Choices, value: Any, error: Label | str, lang: str) -> Markup:
    common: dict[str, Any] = {
        "hint": field.hint or "",
        "error": error,
        "required": field.required,
        "lang": lang,
    }
    text = "" if value is None or isinstance(value, Mapping | list) else str(value)
    match field.kind:
        case "long_text":
            return ui.long_text_field(
                field.name,
                field.label,
                value=text,
                max_length=field.maximum or DEFAULT_MAXIMUM["long_text"],
                **common,
            )
        case "choice":
            options = [Option(o.value, o.label) for o in field.options]
            return ui.choice_field(field.name, field.label, options, value=text, **common)
        case "category":
            return ui.category_field(field.name, field.label, branches(choices), value=text, **common)
        case "unit":
            units = choices.entries(field.source) if field.source else choices.units
            return ui.choice_field(field.name, field.label, units, value=text, **common)
        case "person":
            return ui.choice_field(field.name, field.label, choices.people, value=text, **common)
        case "case":
            return _case_control(field, choices, text, common)
        case "photo":
            several = (field.maximum or 6) > 1
            return ui.photo_field(field.name, field.label, several=several, **common) + _kept(
                field.name, value, lang
            )
        case "point":
            return point_control(field.name, field.label, choices.district, value, common)
        case "instant":
            return ui.instant_field(field.name, field.label, value=text, **common)
        case "number":
            return ui.number_field(field.name, field.label, value=text, **common)
        case "amount":
            return ui.amount_field(field.name, field.label, value=text, **common)
        case "flag":
            return ui.flag_field(
                field.name, field.label, checked=text in ("1", "true", "True"), **_without(common, "required")
            )
        case _:
            return ui.text_field(field.name, field.label, value=text, **common)


def _case_control(field: Field, choices: Choices, text: str, common: dict[str, Any]) -> Markup:
    """A line for a case's number, and the cases that it may well be."""
    near = [option.value for option in choices.cases]
    typed = ui.text_field(field.name, field.label, value="" if text in near else text, **common)
    if not near:
        return typed
    lang, value = common["lang"], text if text in near else ""
    return typed + ui.choice_field(
        field.name + NEAR, _NEAR, choices.cases, value=value, required=False, style="radio", lang=lang
    )


def _kept(name: str, hashes: Any, lang: str) -> Markup:
    """The photographs that an earlier try has brought: they go with the form unless their box is cleared."""
    if not hashes:
        return Markup("")
    boxes = Markup("").join(
        Markup(
            '<label class="photo-kept"><input type="checkbox" name="{name}" value="{hash}" checked>'
            '<img src="/evidence/{hash}/small" alt="{alt}"></label>'
        ).format(name=name + KEPT, hash=each, alt=_KEPT_PHOTO.filled(n=number).text(lang))
        for number, each in enumerate(hashes, 1)
    )
    return Markup('<fieldset class="photos-kept"><legend class="hint">{}</legend>{}</fieldset>').format(
        _KEPT_PHOTOS.text(lang), boxes
    )


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in values.items() if k != name}


def point_control(name: str, label: Label, district: District, value: Any, common: dict[str, Any]) -> Markup:
    """The map picker over the district's base map."""
    given = value if isinstance(value, Mapping) else {}
    return ui.point_field(
        name,
        label,
        layers=base_layers(),
        bounds=district.places.bbox,
        fallback=still_map(district.places, lang=common["lang"]),
        longitude=str(given.get("lon", "")),
        latitude=str(given.get("lat", "")),
        synthetic=True,
        **common,
    )


def base_layers() -> tuple[MapLayer, ...]:
    """The base map: outline, roads, streets and communities, with their names."""
    return (
        MapLayer("base", "/map/basemap.geojson", "base", synthetic=True),
        MapLayer("names", "/map/labels.geojson", "labels", synthetic=True),
    )


def branches(choices: Choices) -> list[Branch]:
    """The category tree in force: a branch a group, each with its categories."""
    groups: dict[str, tuple[Label, list[Option]]] = {}
    for row in choices.snapshot.all(CATEGORIES, choices.now):
        data = row.data
        label = Label(data["group_zh"], data["group_en"])
        option = Option(row.code, Label(data["zh"], data["en"]))
        groups.setdefault(data["group"], (label, []))[1].append(option)
    return [Branch(label, tuple(options)) for label, options in groups.values()]
