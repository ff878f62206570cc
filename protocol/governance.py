"""Who may say what to whom: one closed table (from-role, to-role, lane, kind) (§11.1).

Checked before sending and again after opening. A member with several roles may do what any pair
of roles allows. An aggregator never receives an address: nothing on the reports lane, and no
outcome, ever goes to it. Police hand items and lists to hotlines of their own country only; what
they answer, and what became of an item, they tell every hotline. What the registry says about one
pair of members (transfer basis, fields permitted) narrows this table further.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.messages import KINDS
from protocol.vocabulary import Kind, Lane, Role

_CHANNEL: Final = frozenset({Kind.EPOCH_OPEN, Kind.REGISTRY_SEEN, Kind.TOMBSTONE, Kind.DISAVOW})
_ITEMS: Final = _CHANNEL | {Kind.ITEM, Kind.SIGHTED}
_STATUS: Final = _CHANNEL | {
    Kind.DISPOSITION,
    Kind.OUTCOME,
    Kind.WITHDRAWAL,
    Kind.PEER_MESSAGE,
    Kind.DISPOSITIONS,
}
_ANSWERS: Final = _CHANNEL | {Kind.DISPOSITION, Kind.DISPOSITIONS}
_BULK: Final = _CHANNEL | {Kind.CONTENTS}
_SHARED: Final = _BULK | {Kind.CONTENT_VERDICT, Kind.CONTENT_VERDICT_WITHDRAWN}

_PERMITTED: Final[Mapping[tuple[Role, Role, Lane], frozenset[Kind]]] = MappingProxyType(
    {
        (Role.HOTLINE, Role.HOTLINE, Lane.REPORTS): _ITEMS,
        (Role.HOTLINE, Role.HOTLINE, Lane.STATUS): _STATUS,
        (Role.HOTLINE, Role.HOTLINE, Lane.BULK): _SHARED,
        (Role.HOTLINE, Role.POLICE, Lane.REPORTS): _ITEMS,
        (Role.HOTLINE, Role.POLICE, Lane.STATUS): _STATUS,
        (Role.HOTLINE, Role.POLICE, Lane.BULK): _BULK,
        (Role.POLICE, Role.HOTLINE, Lane.REPORTS): _ITEMS,
        (Role.POLICE, Role.HOTLINE, Lane.STATUS): _STATUS,
        (Role.POLICE, Role.HOTLINE, Lane.BULK): _BULK,
        (Role.HOTLINE, Role.AGGREGATOR, Lane.BULK): _CHANNEL,
        (Role.AGGREGATOR, Role.HOTLINE, Lane.STATUS): _ANSWERS,
    }
)

_AT_HOME_ONLY: Final = frozenset(
    {(Role.POLICE, Role.HOTLINE, Lane.REPORTS), (Role.POLICE, Role.HOTLINE, Lane.BULK)}
)
"""Cells that stand open only between members that answer for one country."""


class Party(NamedTuple):
    """What the registry says of one side: its roles, and the countries it answers for.

    Those are the ones that it lists, and those that a choice rule gives it.
    """

    roles: frozenset[Role]
    countries: frozenset[str] = frozenset()


def party(roles: Iterable[str], countries: Iterable[str] = ()) -> Party:
    """Return a side as the network document has it.

    Raises:
        ValueError: a role that this version does not know.
    """
    return Party(frozenset(Role(role) for role in roles), frozenset(countries))


def is_permitted(sender: Party, receiver: Party, lane: Lane, kind: int) -> bool:
    """Whether `sender` may send an entry of `kind` on `lane` to `receiver`.

    An unknown kind is judged as if it carried everything: permitted only where items are, since
    we cannot tell that it holds no address; it is then kept and answered `unknown_kind` (§11.2).
    """
    if kind not in KINDS:
        lane, kind = Lane.REPORTS, Kind.ITEM
    neighbours = not sender.countries.isdisjoint(receiver.countries)
    return any(
        kind in _PERMITTED.get((one, other, lane), ())
        and (neighbours or (one, other, lane) not in _AT_HOME_ONLY)
        for one in sender.roles
        for other in receiver.roles
    )


def may_speak(sender: Party, receiver: Party, lane: Lane) -> bool:
    """Whether a channel from `sender` to `receiver` exists at all on `lane`."""
    return is_permitted(sender, receiver, lane, Kind.EPOCH_OPEN)
