"""The network document: who the members are and by which rules items find them.

Signed by the registry's top-level targets role, a mixed threshold of umbrella and hotlines. It
answers "who is responsible for this country" by explicit rules only, never by chance: where several
hotlines share a country the document must say which one is first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self, get_args

from keys.documents import Fields, check_country, check_name, parse, serialise
from keys.errors import UnknownMemberError, UntrustedDocumentError
from keys.transfers import Transfers, read_transfers

NETWORK_TYPE: Final = "hx1-network"
Role = Literal["hotline", "police", "aggregator", "witness"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
Status = Literal["active", "suspended", "expelled"]
EXPELLED: Final[Status] = "expelled"
"""Suspended for good."""
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
_WHERE: Final = "network document"


@dataclass(frozen=True, slots=True)
class MemberEntry:
    """One member as the network lists it.

    Attributes:
        name: what to call it in front of people.
        roles: one or more of `ROLES`.
        jurisdictions: ISO 3166-1 alpha-2 codes it answers for.
        status: `active`, `suspended`, or for good `expelled`.
        successor: the member that took over what an expelled one did, if it merged into another.
        extra: fields of later versions.
    """

    name: str
    roles: tuple[Role, ...]
    jurisdictions: tuple[str, ...] = ()
    status: Status = "active"
    successor: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that every node of the network keeps.

    Attributes:
        push_entries: entries in one push.
        push_bytes: bytes of one push before sealing.
        entry_bytes: bytes of one entry.
        extra: fields of later versions.
    """

    push_entries: int = 1000
    push_bytes: int = 4_194_304
    entry_bytes: int = 65_536
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NetworkDocument:
    """Members, roles, jurisdictions and rules of one network.

    Attributes:
        name: network name (the network *id* also names the first root document).
        members: by member id.
        fallback_members: who takes orphans, in order.
        choice_rules: country to the hotlines responsible for it, in order.
        limits: bounds of the protocol.
        policy: whole numbers by name, with the unit in the name, such as `first_action_h`.
        transfers: on which basis members may send to one another, and which fields.
        extra: fields of later versions, handed on unchanged.

    Raises:
        UntrustedDocumentError: on construction, when a rule names a member that is not a hotline
            of this network, or a country has several hotlines and no choice rule.
    """

    name: str
    members: Mapping[str, MemberEntry]
    fallback_members: tuple[str, ...] = ()
    choice_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    policy: Mapping[str, int] = field(default_factory=dict)
    transfers: Transfers = field(default_factory=Transfers)
    extra: Mapping[str, Any] = field(default_factory=dict)
    _responsible: dict[str, str | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        check_name(self.name, f"{_WHERE}: name")
        for member in self.members:
            check_name(member, f"{_WHERE}: members")
        _check_rules(self)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Parse a document whose bytes the registry has verified.

        Raises:
            UntrustedDocumentError: names the field and what is wrong with it.
        """
        fields = parse(raw, _WHERE)
        fields.constant("_type", NETWORK_TYPE)
        return cls(
            name=fields.text("name"),
            members=_members(fields.child("members")),
            fallback_members=fields.texts("fallback_members"),
            choice_rules=_choice_rules(fields.child("choice_rules")),
            limits=_limits(fields.child("limits")),
            policy=_policy(fields.child("policy")),
            transfers=_transfers(fields),
            extra=fields.rest(),
        )

    def to_bytes(self) -> bytes:
        """The canonical JSON of this document; `from_bytes` gives it back."""
        limits = {
            **self.limits.extra,
            "push_entries": self.limits.push_entries,
            "push_bytes": self.limits.push_bytes,
            "entry_bytes": self.limits.entry_bytes,
        }
        return serialise(
            {
                **self.extra,
                **_written(self.transfers),
                "_type": NETWORK_TYPE,
                "name": self.name,
                "members": {id_: _record(entry) for id_, entry in self.members.items()},
                "fallback_members": list(self.fallback_members),
                "choice_rules": {code: list(ids) for code, ids in self.choice_rules.items()},
                "limits": limits,
                "policy": dict(self.policy),
            }
        )

    def member(self, member: str) -> MemberEntry:
        """One member's entry.

        Raises:
            UnknownMemberError: the network does not list it.
        """
        try:
            return self.members[member]
        except KeyError:
            raise UnknownMemberError("member: this network lists no such member") from None

    def heir_of(self, member: str) -> str:
        """Who took over from a member that is expelled, and from who took over; else itself.

        Successors that go round in a document end the search.
        """
        seen = {member}
        while (entry := self.members.get(member)) is not None and entry.successor is not None:
            if entry.successor in seen:
                break
            member = entry.successor
            seen.add(member)
        return member

    def heirs(self) -> dict[str, frozenset[str]]:
        """Return, of each member that took over from others, from whom."""
        found: dict[str, set[str]] = {}
        for member in self.members:
            if (heir := self.heir_of(member)) != member:
                found.setdefault(heir, set()).add(member)
        return {heir: frozenset(gone) for heir, gone in found.items()}

    def is_active(self, member: str) -> bool:
        """Whether the member is listed and not suspended."""
        entry = self.members.get(member)
        return entry is not None and entry.status == "active"

    def has_role(self, member: str, role: Role) -> bool:
        """Whether the member is listed with this role."""
        entry = self.members.get(member)
        return entry is not None and role in entry.roles

    def answers_for(self, member: str) -> frozenset[str]:
        """The countries that a listed member answers for: its own, and those that a rule gives it.

        A choice rule may give a territory to a hotline that does not list it.
        """
        given = (code for code, members in self.choice_rules.items() if member in members)
        return frozenset((*self.members[member].jurisdictions, *given))

    def responsible_for(self, country: str) -> str | None:
        """The hotline responsible for a country, or None: then it is an orphan.

        The first active member of the country's choice rule; without such a rule the one active
        hotline that lists the country.

        Args:
            country: ISO 3166-1 alpha-2, upper case.
        """
        if country not in self._responsible:
            candidates = self.choice_rules.get(country)
            if candidates is None:
                candidates = _hotlines_of(self.members, country)
            active = (member for member in candidates if self.is_active(member))
            self._responsible[country] = next(active, None)
        return self._responsible[country]

    def fallback(self) -> str | None:
        """The first active fallback member, who takes orphans."""
        return next((member for member in self.fallback_members if self.is_active(member)), None)


def _hotlines_of(members: Mapping[str, MemberEntry], country: str) -> tuple[str, ...]:
    return tuple(
        member
        for member, entry in members.items()
        if "hotline" in entry.roles and country in entry.jurisdictions
    )


def _check_rules(document: NetworkDocument) -> None:
    rules = {f"choice_rules.{code}": ids for code, ids in document.choice_rules.items()}
    for where, ids in {"fallback_members": document.fallback_members, **rules}.items():
        if any(not document.has_role(member, "hotline") for member in ids):
            raise UntrustedDocumentError(f"{_WHERE}: {where}: names no hotline of this network")
    countries = {code for entry in document.members.values() for code in entry.jurisdictions}
    for code in sorted(countries - set(document.choice_rules)):
        if len(_hotlines_of(document.members, code)) > 1:
            raise UntrustedDocumentError(
                f"{_WHERE}: choice_rules.{code}: several hotlines share it; name them in order"
            )

    _check_ends(document)


def _check_ends(document: NetworkDocument) -> None:
    """Terms are between members; what an expelled one did is taken over by one that is active."""
    for pair in document.transfers.pairs:
        if any(member not in document.members for member in pair):
            raise UntrustedDocumentError(f"{_WHERE}: transfers.pairs: names no member")
    for member, entry in document.members.items():
        if entry.status == EXPELLED and entry.jurisdictions:
            raise UntrustedDocumentError(
                f"{_WHERE}: members.{member}.jurisdictions: who is expelled answers for no country"
            )
        if entry.successor is not None and (
            entry.status != EXPELLED or entry.successor not in document.members
        ):
            raise UntrustedDocumentError(
                f"{_WHERE}: members.{member}.successor: is a member, of one that is expelled"
            )


def _transfers(fields: Fields) -> Transfers:
    return read_transfers(fields.child("transfers")) if fields.has("transfers") else Transfers()


def _written(transfers: Transfers) -> dict[str, Any]:
    """Nothing where nothing was decided: a document without terms keeps its bytes."""
    return {} if transfers == Transfers() else {"transfers": transfers.record()}


def _members(fields: Fields) -> dict[str, MemberEntry]:
    members = {}
    for name in fields.names():
        check_name(name, fields.label("member id"))
        members[name] = _entry(fields.child(name))
    return members


def _entry(fields: Fields) -> MemberEntry:
    jurisdictions = fields.texts("jurisdictions")
    for index, code in enumerate(jurisdictions):
        check_country(code, fields.label(f"jurisdictions[{index}]"))
    roles = fields.choices("roles", ROLES)
    if not roles:
        fields.refuse("roles", f"needs one of {', '.join(ROLES)}")
    return MemberEntry(
        name=fields.text("name"),
        roles=roles,
        jurisdictions=jurisdictions,
        status=fields.choice("status", STATUSES),
        successor=fields.text("successor") if fields.has("successor") else None,
        extra=fields.rest(),
    )


def _record(entry: MemberEntry) -> dict[str, Any]:
    return {
        **entry.extra,
        **({} if entry.successor is None else {"successor": entry.successor}),
        "name": entry.name,
        "roles": list(entry.roles),
        "jurisdictions": list(entry.jurisdictions),
        "status": entry.status,
    }


def _choice_rules(fields: Fields) -> dict[str, tuple[str, ...]]:
    rules = {}
    for code in fields.names():
        check_country(code, fields.label("country"))
        rules[code] = fields.texts(code)
    return rules


def _limits(fields: Fields) -> Limits:
    return Limits(
        push_entries=fields.integer("push_entries", 1),
        push_bytes=fields.integer("push_bytes", 1),
        entry_bytes=fields.integer("entry_bytes", 1),
        extra=fields.rest(),
    )


def _policy(fields: Fields) -> dict[str, int]:
    return {name: fields.integer(name) for name in fields.names()}
