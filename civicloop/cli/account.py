"""`civicloop account create LOGIN --name NAME --role ROLE`: the first account of a district, or another one."""

from __future__ import annotations

import argparse

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import CLOCK, SCOPE_KINDS, Grant, Scope
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.registry.district import Settings, open_district


def arguments(parser: argparse.ArgumentParser) -> None:
    """The login, the name, the role and where it holds."""
    parser.add_argument("what", choices=("create",))
    parser.add_argument("login")
    parser.add_argument("--name", required=True, help="the person's name")
    parser.add_argument("--name-en", default="", help="the same in Latin letters")
    parser.add_argument("--role", default="admin", help="admin (the default), dispatcher, ...")
    parser.add_argument(
        "--scope", default="district", choices=[k for k in SCOPE_KINDS if k not in ("self", "case")]
    )
    parser.add_argument("--code", default="", help="code of the street, community or unit")
    parser.add_argument("--mobile", default=None)


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Creates the account and prints its first password, which must be changed at the first sign-in."""
    district = open_district(settings)
    try:
        if given.role not in district.registry.roles:
            known = ", ".join(sorted(district.registry.roles))
            raise ValueError(f"there is no role {given.role!r}; there are {known}")
        code = district.code if given.scope == "district" else given.code
        account = district.people.create_account(
            CLOCK, given.login, Label(given.name, given.name_en or given.name),
            grants=[Grant(given.role, Scope(given.scope, code))], mobile=given.mobile,
        )  # fmt: skip
        password = district.people.reset_password(account)
    except Refusal as refused:
        faults = "; ".join(f"{name}: {label.en}" for name, label in refused.fields.items())
        raise ValueError(faults or refused.reason.en) from refused
    finally:
        district.close()
    print(f"{given.login}: first password {password} (to be changed at the first sign-in)")
    return 0
