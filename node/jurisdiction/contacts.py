"""Whom a hoster wants to be told: contacts, and what must happen before one is used. Pure.

Rules upheld:

* A contact that a register or a file names is `unverified`. Nothing is sent to it before a person
  has verified it: registers hold what the registrant wrote there, and a report that goes to the
  offender warns him. Whoever sends asks `Hoster.usable`.
* Each unverified contact has a deadline (`due_ms`). Past it nothing happens by itself but an alarm.
* No contact is a state, `unknown_contact`, never a blank.
* What a person decided stays, as long as the contact is named at all. A verified contact that is
  named no more becomes unverified again; an unverified or refused one goes.
* Only who named a contact can name it no more: what one register says of one network takes nothing
  from what was said of another. Else a register that lies or is broken, or a second network of the
  hoster with a desk of its own, would undo what a person verified.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Form = Literal["email", "web"]
Standing = Literal["verified", "unverified", "unknown_contact"]
Decision = Literal["unverified", "verified", "refused"]

MAX_CONTACTS = 8
"""Of one hoster, by one source; what that names beyond it is left out. Of what others named and
nobody decided as many are kept."""
MAX_SOURCES = 8
"""Who named a contact; the first ones are remembered."""
_MAX_ADDRESS = 254
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
_WEB = re.compile(r"https://(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}(?:/[A-Za-z0-9._~/%+-]*)?")


class Contact(msgspec.Struct, frozen=True):
    """One contact. `address` is an e-mail address, or the https address of a form.

    `named_by` is `rdap` or `operator`; `due_ms` (UTC) is by when a person should have verified it;
    `decided_by` is the pseudonym of who did. `sources` are those that name it, each in its own way
    (of `rdap` the server and the network); empty if that was not kept: then any counts as it.
    """

    address: str
    form: Form
    named_by: str
    found_ms: int
    due_ms: int
    state: Decision = "unverified"
    decided_ms: int | None = None
    decided_by: str | None = None
    sources: tuple[str, ...] = ()


class Hoster(msgspec.Struct, frozen=True):
    """A hoster: an entity with a handle of its own, and its contacts.

    `key` is the handle of the register (`ORG-FH1-RIPE`), or `own:ID` of the operator's file.
    """

    key: str
    name: str
    contacts: tuple[Contact, ...]
    since_ms: int
    changed_ms: int

    @property
    def standing(self) -> Standing:
        """How it stands with its contacts."""
        states = {one.state for one in self.contacts}
        if "verified" in states:
            return "verified"
        return "unverified" if "unverified" in states else "unknown_contact"

    @property
    def usable(self) -> tuple[Contact, ...]:
        """The contacts to which something may be sent."""
        return tuple(one for one in self.contacts if one.state == "verified")

    @property
    def waiting(self) -> tuple[Contact, ...]:
        """The contacts that wait for a person."""
        return tuple(one for one in self.contacts if one.state == "unverified")


def read_contact(raw: str) -> tuple[str, Form] | None:
    """Return an address in its plain spelling, with its form; None if it is no address.

    The domain of an e-mail address is case-blind (RFC 5321 section 2.4), what stands before it is
    the receiver's business.
    """
    text = raw.strip().removeprefix("mailto:")
    if len(text) > _MAX_ADDRESS:
        return None
    if _EMAIL.fullmatch(text):
        local, _, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}", "email"
    return (text, "web") if _WEB.fullmatch(text) else None


def met(
    known: Hoster | None,
    key: str,
    name: str,
    addresses: Iterable[str],
    named_by: str,
    now_ms: int,
    verify_ms: int,
    source: str = "",
) -> Hoster:
    """Return a hoster as it stands after a register or the operator's file named it.

    Args:
        known: what was known of it.
        key: its handle.
        name: what it is called there.
        addresses: its contacts there, in order of preference.
        named_by: who names them.
        now_ms: UTC.
        verify_ms: how long a person has to verify a contact.
        source: which of those, as exactly as it is known: see `Contact.sources`.
    """
    named: dict[str, Form] = {}
    for raw in addresses:
        found = read_contact(raw)
        if found is not None and len(named) < MAX_CONTACTS:
            named.setdefault(*found)
    before = {} if known is None else {one.address: one for one in known.contacts}
    fresh = [
        _named(before.get(address), source)
        or Contact(address, form, named_by, now_ms, now_ms + verify_ms, sources=(source,))
        for address, form in named.items()
    ]
    rest = [_left(one, source) for one in before.values() if one.address not in named]
    gone = [
        Contact(one.address, one.form, one.named_by, now_ms, now_ms + verify_ms, sources=(source,))
        for one in rest
        if not one.sources and one.state == "verified"
    ]
    decided_on = [one for one in rest if one.sources and one.state != "unverified"]
    waiting = [one for one in rest if one.sources and one.state == "unverified"]
    contacts = (*fresh, *gone, *decided_on, *waiting[:MAX_CONTACTS])
    since_ms = now_ms if known is None else known.since_ms
    made = Hoster(key, name, contacts, since_ms, now_ms)
    same = known is not None and (known.name, known.contacts) == (name, contacts)
    return known if same and known is not None else made


def _named(known: Contact | None, source: str) -> Contact | None:
    """Return a contact that is known after `source` named it (again)."""
    if known is None or source in known.sources or len(known.sources) >= MAX_SOURCES:
        return known
    return msgspec.structs.replace(known, sources=(*known.sources, source))


def _left(known: Contact, source: str) -> Contact:
    """Return a contact that `source` did not name; without sources if nobody is left."""
    others = tuple(one for one in known.sources if one != source)
    return known if others == known.sources else msgspec.structs.replace(known, sources=others)


def decided(
    known: Hoster, address: str, decision: Literal["verified", "refused"], by: str, now_ms: int
) -> Hoster | None:
    """Return a hoster after a person decided on one of its contacts; None: it has no such one."""
    if all(one.address != address for one in known.contacts):
        return None
    contacts = tuple(
        msgspec.structs.replace(one, state=decision, decided_ms=now_ms, decided_by=by)
        if one.address == address
        else one
        for one in known.contacts
    )
    return msgspec.structs.replace(known, contacts=contacts, changed_ms=now_ms)
