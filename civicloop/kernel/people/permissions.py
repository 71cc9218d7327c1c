"""The one place that decides who may do what where.

Every route, page, list and action asks here. A decision is pure over the actor and the place; a refusal
is a sentence that says what is missing and how to come by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import (
    ANYBODY,
    KERNEL_ROLES,
    SIGNED_IN,
    THE_CLOCK,
    Actor,
    ApiScope,
    Scope,
    Where,
    persons_of,
)

_SIGN_IN = Label("请先登录。此处由{roles}使用。", "Sign in first. This is for: {roles}.")
_ONLY_CLOCK = Label("此操作只由系统时钟执行。", "Only the clock performs this.")
_NO_ROLE = Label(
    "您没有所需的角色（{roles}）。请联系管理员授权，或交由有该角色的人员办理。",
    "This needs a role you don't hold ({roles}). Ask an administrator for it, or pass it on to somebody.",
)
_ELSEWHERE = Label(
    "您的权限限于{scopes}，此案不在其中。请转给负责该处的人员。",
    "Your role holds for {scopes}, and this case lies outside. Pass it to whoever is in charge there.",
)
_KEY_SCOPE = Label(
    "此 API 密钥没有“{scope}”权限。请换用有该权限的密钥，或请管理员重新签发。",
    "This API key lacks the scope “{scope}”. Use a key that has it, or ask an administrator for one.",
)
_FIRST_PASSWORD = Label(
    "请先修改初始密码，再进行其他操作。", "Change your first password before anything else."
)
_OTHER_ACTION = Label(
    "此链接只能用于另一项操作。请使用与本操作对应的链接，或登录后办理。",
    "This link is for another action. Use the link made for this one, or sign in.",
)
_SAME_PERSON = Label(
    "您（或您所代办的人）已经办理过此案的前一环节，按职责分离须由他人办理。请转给同岗位的其他人员。",
    "You, or the person you act for, did an earlier step of this case. Pass this one to a colleague.",
)
_ROLE_NAMES = {
    ANYBODY: Label("任何人", "anybody"),
    SIGNED_IN: Label("已登录人员", "anybody signed in"),
    "reporter": Label("上报人", "the reporter"),
    THE_CLOCK: Label("系统时钟", "the clock"),
}
_KIND_NAMES = {
    "district": Label("全区", "the district"),
    "street": Label("街道 {code}", "street {code}"),
    "community": Label("社区 {code}", "community {code}"),
    "unit": Label("单位 {code}", "unit {code}"),
    "self": Label("本人经办的案件", "your own cases"),
    "case": Label("指定案件", "one named case"),
}
_NO_NAMES: Mapping[str, Label] = {}


def covers(scope: Scope, where: Where, actor: Actor) -> bool:
    """Whether a scope contains a place; what is unknown about the place is contained by the district only."""
    if scope.kind == "district":
        return scope.code == where.district
    if scope.kind == "self":
        return where.holder != "" and where.holder in (actor.person_id, actor.acts_for)
    at = str(getattr(where, scope.kind))
    return at != "" and scope.code == at


def role_for(actor: Actor, by: frozenset[str], where: Where | None) -> str | None:
    """The role under which the actor comes in, or None; `where` None asks for the role in any scope."""
    if actor.via == "clock":
        return next((role for role in (THE_CLOCK, ANYBODY) if role in by), None)
    if actor.via == "import":
        return min(by - {THE_CLOCK}, default=None)
    for grant in actor.grants:
        if grant.role in by - {THE_CLOCK} and (where is None or covers(grant.scope, where, actor)):
            return grant.role
    if SIGNED_IN in by and actor.signed_in:
        return SIGNED_IN
    return ANYBODY if ANYBODY in by else None


def may(
    actor: Actor,
    by: frozenset[str],
    where: Where | None,
    *,
    action: str = "",
    need: ApiScope | None = None,
    names: Mapping[str, Label] = _NO_NAMES,
) -> Label | None:
    """None when the actor may, else the sentence why not.

    `by` is the set of roles of an action or a page; `where` is the case's place, or None for a page that
    is about no one case; `need` is the scope an API key must have; `names` gives labels of roles and codes.
    """
    if need is not None and actor.api_scopes is not None and need not in actor.api_scopes:
        return _KEY_SCOPE.filled(scope=need)
    role = role_for(actor, by, where)
    if role is not None:
        if ANYBODY in by:
            return None
        if actor.only_action and action != actor.only_action:
            return _OTHER_ACTION
        return _FIRST_PASSWORD if actor.must_change else None
    asked = by - {THE_CLOCK}
    if not asked:
        return _ONLY_CLOCK
    held = tuple(g.scope for g in actor.grants if g.role in asked)
    if held:
        return _ELSEWHERE.filled(scopes=_join(_scope_name(s, names) for s in held))
    sentence = _NO_ROLE if actor.signed_in else _SIGN_IN
    return sentence.filled(roles=_join(_role_name(r, names) for r in sorted(asked)))


def different_person(actor: Actor, earlier: Iterable[str]) -> Label | None:
    """Separation of duty: None when no natural person behind the actor is among the `earlier` signatures.

    Accounts don't count, persons do; whoever acted for somebody, and whom he acted for, both count.
    """
    return _SAME_PERSON if actor.persons & persons_of(earlier) else None


def within(actor: Actor, by: frozenset[str], district: str, prefix: str = "") -> tuple[str, tuple[str, ...]]:
    """A condition in SQL, and its parameters, that leaves only the case rows the actor may see as `by`.

    Over the columns street, community, unit, holder and id of `cases`, each with `prefix` (such as "c.").
    """
    if ANYBODY in by:
        return "1 = 1", ()
    if actor.must_change or actor.only_action:
        return "1 = 0", ()
    if actor.via == "clock":
        return ("1 = 1", ()) if THE_CLOCK in by else ("1 = 0", ())
    if (SIGNED_IN in by and actor.signed_in) or (actor.via == "import" and by - {THE_CLOCK}):
        return "1 = 1", ()
    columns = {"street": "street", "community": "community", "unit": "unit", "case": "id"}
    wanted: dict[str, set[str]] = {}
    for grant in actor.grants:
        if grant.role not in by or grant.role == THE_CLOCK:
            continue
        if grant.scope.kind == "district":
            if grant.scope.code == district:
                return "1 = 1", ()
        elif grant.scope.kind == "self":
            wanted.setdefault("holder", set()).update(p for p in (actor.person_id, actor.acts_for) if p)
        elif grant.scope.code:
            wanted.setdefault(columns[grant.scope.kind], set()).add(grant.scope.code)
    if not wanted:
        return "1 = 0", ()
    parts: list[str] = []
    params: list[str] = []
    for column, codes in sorted(wanted.items()):
        parts.append(f"{prefix}{column} IN ({', '.join('?' * len(codes))})")
        params.extend(sorted(codes))
    return f"({' OR '.join(parts)})", tuple(params)


def unknown_roles(by: Iterable[str], declared: frozenset[str]) -> frozenset[str]:
    """The role names that neither a loop nor the kernel declares, for the registry's check."""
    return frozenset(by) - declared - KERNEL_ROLES


def _role_name(role: str, names: Mapping[str, Label]) -> Label:
    return names.get(role) or _ROLE_NAMES.get(role) or Label(role, role)


def _scope_name(scope: Scope, names: Mapping[str, Label]) -> Label:
    return names.get(scope.code) or _KIND_NAMES[scope.kind].filled(code=scope.code)


def _join(labels: Iterable[Label]) -> Label:
    found = tuple(dict.fromkeys(labels))
    return Label("、".join(label.zh for label in found), ", ".join(label.en for label in found))
