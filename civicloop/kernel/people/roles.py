"""Who acts: roles held within a jurisdiction, and the actor that carries them through a request.

Loops declare roles by name and label; the kernel knows only their names, and these four of its own:
"public" (anybody), "signed_in" (anybody with an account), "reporter" (who holds the case's tracking
code) and "clock" (the kernel itself).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import Instant

ScopeKind = Literal["district", "street", "community", "unit", "self", "case"]
Via = Literal["web", "api", "import", "clock", "device", "sim", "link"]
ApiScope = Literal["read", "open", "perform", "personal", "admin"]

SCOPE_KINDS: tuple[str, ...] = get_args(ScopeKind)
API_SCOPES: tuple[ApiScope, ...] = get_args(ApiScope)

ANYBODY = "public"
SIGNED_IN = "signed_in"
REPORTER = "reporter"
THE_CLOCK = "clock"
NAMELESS = Label("", "")
KERNEL_ROLES = frozenset({ANYBODY, SIGNED_IN, REPORTER, THE_CLOCK})

# A person id that begins so is nobody: the clock, an import, an anonymous visitor.
_NOBODY = "@"
# Between the one who acted and the one acted for, in a signature.
_FOR = ">"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a role holds: the whole district, a street, a community, a unit, one's own cases, or one case."""

    kind: ScopeKind
    code: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a case lies and who has it, as far as that is known; empty means unknown.

    `holder` is the person id of whoever the case was handed to.
    """

    district: str
    street: str = ""
    community: str = ""
    unit: str = ""
    holder: str = ""
    case: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a scope from `valid_from` until before `valid_to` (None: without end)."""

    role: str
    scope: Scope
    valid_from: Instant = 0
    valid_to: Instant | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts, with the grants that held when the actor was made.

    `acts_for` is the person who delegated (empty: nobody); `api_scopes` is None unless an API key acts;
    `only_action` is the one action a single-use link allows; `must_change` means that the password is a
    first one and nothing else may be done before it is changed.
    """

    person_id: str
    account_id: str = ""
    name: Label = NAMELESS
    grants: tuple[Grant, ...] = ()
    via: Via = "web"
    api_scopes: frozenset[str] | None = None
    session_id: str = ""
    acts_for: str = ""
    only_action: str = ""
    must_change: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether an account stands behind this actor."""
        return self.account_id != ""

    @property
    def persons(self) -> frozenset[str]:
        """The natural persons behind this actor: who acts, and for whom."""
        return persons_of((self.signature,))

    @property
    def signature(self) -> str:
        """What history keeps: the person id, with `>` and the person acted for where there is one."""
        return f"{self.person_id}{_FOR}{self.acts_for}" if self.acts_for else self.person_id


def persons_of(signatures: Iterable[str]) -> frozenset[str]:
    """The natural persons in signatures from history; the clock, imports and strangers are none."""
    parts = (part for signature in signatures for part in signature.split(_FOR))
    return frozenset(part for part in parts if part and not part.startswith(_NOBODY))


def person_of(signature: str) -> str:
    """The natural person who acts in a signature; "" for the clock, an import or a stranger."""
    person = signature.partition(_FOR)[0]
    return "" if person.startswith(_NOBODY) else person


PUBLIC = Actor("@public", name=Label("公众", "The public"))
CLOCK = Actor("@clock", name=Label("系统时钟", "The clock"), via="clock")


def importer(name: str) -> Actor:
    """The actor of an import from source `name`; it records what others did, so every role is open to it."""
    return Actor(f"@import:{name}", name=Label(f"导入：{name}", f"Import: {name}"), via="import")


def reporter(cases: Iterable[str]) -> Actor:
    """Whoever showed a valid tracking code of these cases."""
    grants = tuple(Grant(REPORTER, Scope("case", case)) for case in cases)
    return Actor("@reporter", name=Label("上报人", "The reporter"), grants=grants, via="link")
