"""Who may say what to whom: one closed table (from-role, to-role, lane, kind) (§11).

Checked before sending and again after opening. A member with several roles may do what any pair
of roles allows. An aggregator never receives an address: nothing on the reports lane, and no
outcome, ever goes to it. What the registry says about one pair of members (transfer basis, fields
permitted) narrows this table further and is the node's business.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from protocol.messages import KINDS
from protocol.vocabulary import Kind, Lane, Role

_CHANNEL: Final = frozenset({Kind.EPOCH_OPEN, Kind.REGISTRY_SEEN, Kind.TOMBSTONE})
_ITEMS: Final = _CHANNEL | {Kind.ITEM, Kind.SIGHTED}
_STATUS: Final = _CHANNEL | {Kind.DISPOSITION, Kind.OUTCOME, Kind.WITHDRAWAL}
_ANSWERS: Final = _CHANNEL | {Kind.DISPOSITION}
_BULK: Final = _CHANNEL | {Kind.CONTENTS}

_PERMITTED: Final[Mapping[tuple[Role, Role, Lane], frozenset[Kind]]] = MappingProxyType(
    {
        (Role.HOTLINE, Role.HOTLINE, Lane.REPORTS): _ITEMS,
        (Role.HOTLINE, Role.HOTLINE, Lane.STATUS): _STATUS,
        (Role.HOTLINE, Role.HOTLINE, Lane.BULK): _BULK,
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


def is_permitted(
    from_roles: Iterable[Role], to_roles: Iterable[Role], lane: Lane, kind: int
) -> bool:
    """Whether a member with `from_roles` may send an entry of `kind` on `lane` to one with others.

    An unknown kind is judged as if it carried everything: permitted only where items are, since
    we cannot tell that it holds no address; it is then kept and answered `unknown_kind`.
    """
    asked = Kind.ITEM if kind not in KINDS else Kind(kind)
    ends = frozenset(to_roles)
    pairs = ((one, other) for one in frozenset(from_roles) for other in ends)
    if kind not in KINDS:
        return any(asked in _PERMITTED.get((*pair, Lane.REPORTS), ()) for pair in pairs)
    return any(asked in _PERMITTED.get((*pair, lane), ()) for pair in pairs)


def may_speak(from_roles: Iterable[Role], to_roles: Iterable[Role], lane: Lane) -> bool:
    """Whether a channel between members with these roles exists at all on `lane`."""
    return is_permitted(from_roles, to_roles, lane, Kind.EPOCH_OPEN)
