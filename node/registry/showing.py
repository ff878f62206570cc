"""What a proposal says, line by line, for the holder who is asked to sign it.

Everything is read from the bytes that will be signed; what is in force is set beside it. `+` comes,
`-` goes, `~` changes, a blank stays. Public keys are shown whole: they are compared by eye.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from keys.network import NetworkDocument
from keys.transfers import NOTHING, TRANSFER_FIELDS
from node.registry.numbers import LIMITS

if TYPE_CHECKING:
    from keys.network import MemberEntry
    from keys.registry import Keeping
    from keys.transfers import TransferTerms
    from node.registry.ceremony import Proposal

_NOBODY = "nobody"
_UNSAID = {
    "choice": "no rule: the hotline that lists it",
    "policy": "as programs have it",
    "terms": "as for all",
}
"""What holds where a document does not say; all else it says."""
_ROLES = (Root.type, Targets.type, Snapshot.type, Timestamp.type)


def lines(proposal: Proposal, before: Keeping | None) -> list[str]:
    """Say what a holder signs.

    Args:
        proposal: what waits.
        before: what is in force; None: a new network.
    """
    shown = [f"digest       {proposal.digest}"]
    if proposal.root is not None:
        shown += _root(proposal.root, None if before is None else before.root)
    if proposal.targets is not None and proposal.network is not None:
        shown += _targets(proposal.targets, proposal.network, before)
    return shown


def _root(root: Root, before: Root | None) -> Iterator[str]:
    yield f"root         version {root.version}, until {root.expires.date().isoformat()}"
    for role in _ROLES:
        now = _holders(root, role)
        then = [] if before is None else _holders(before, role)
        threshold = root.roles[role].threshold
        was = before.roles[role].threshold if before is not None else threshold
        changed = (
            f" (was {was} of {len(then)})"
            if before
            and (was, len(then))
            != (
                threshold,
                len(now),
            )
            else ""
        )
        yield f"  {role} is signed by {threshold} of {len(now)}{changed}"
        yield from _marked(now, then)


def _holders(root: Root, role: str) -> list[str]:
    return [root.keys[keyid].keyval["public"] for keyid in root.roles[role].keyids]


def _targets(targets: Targets, network: NetworkDocument, before: Keeping | None) -> Iterator[str]:
    yield f"targets      version {targets.version}, until {targets.expires.date().isoformat()}"
    yield f"  network {network.name}, {len(network.members)} members"
    then = None if before is None else before.network
    yield from _members(network.members, {} if then is None else then.members)
    keys = _member_keys(targets)
    yield "  member keys"
    yield from _marked(keys, [] if before is None else _member_keys(before.targets))
    yield from _changed(network, NetworkDocument(network.name, {}) if then is None else then)


def _changed(network: NetworkDocument, then: NetworkDocument) -> Iterator[str]:
    """Each rule that is another than before, in words: who signs one unseen lets anybody in."""
    now_said, was_said = _rules(network), _rules(then)
    for what in sorted(now_said.keys() | was_said.keys()):
        unsaid = _UNSAID.get(what.split()[0], _NOBODY)
        now, was = now_said.get(what, unsaid), was_said.get(what, unsaid)
        if now != was:
            yield f"  ~ {what}  {now} (was {was})"
    if (network.extra, network.limits.extra) != (then.extra, then.limits.extra):
        yield "  ~ rules change that this version does not know; upgrade before you sign"


def _members(now: Mapping[str, MemberEntry], then: Mapping[str, MemberEntry]) -> Iterator[str]:
    for member, entry in sorted(now.items()):
        mark = "+" if member not in then else " " if then[member] == entry else "~"
        heir = f", its successor is {entry.successor}" if entry.successor else ""
        what = f"{' '.join(entry.roles)} for {' '.join(entry.jurisdictions) or 'no country'}"
        yield f"  {mark} {member}  {entry.status}  {what}{heir}"


def _member_keys(targets: Targets) -> list[str]:
    delegations = targets.delegations
    if delegations is None or delegations.roles is None:
        return []
    return [
        f"{member} {delegations.keys[keyid].keyval['public']}"
        for member, role in sorted(delegations.roles.items())
        for keyid in role.keyids
    ]


def _rules(network: NetworkDocument) -> dict[str, str]:
    """What is the rule for all, in words: whose turn it is, how much, what may go to whom."""
    orders = {f"choice {code}": ids for code, ids in network.choice_rules.items()}
    orders["fallback"] = network.fallback_members
    numbers = {f"limit {name}": getattr(network.limits, name) for name in LIMITS}
    numbers |= {f"policy {name}": number for name, number in network.policy.items()}
    pairs = network.transfers.pairs.items()
    terms = {f"terms {sender} > {receiver}": one for (sender, receiver), one in pairs}
    terms["terms"] = network.transfers.default
    return {
        **{what: ", ".join(ids) or _NOBODY for what, ids in orders.items()},
        **{what: str(number) for what, number in numbers.items()},
        **{what: _terms(one) for what, one in terms.items()},
    }


def _terms(terms: TransferTerms) -> str:
    """On which basis, and what goes: all of it, or named."""
    if terms.basis == NOTHING:
        return "nothing may go"
    named = ", ".join(sorted(terms.fields)) or "ids, places and times alone"
    return f"{terms.basis}: {'all' if set(terms.fields) == set(TRANSFER_FIELDS) else named}"


def _marked(now: Iterable[str], then: Iterable[str]) -> Iterator[str]:
    known, here = set(then), set(now)
    yield from (f"    {' ' if one in known else '+'} {one}" for one in now)
    yield from (f"    - {one}" for one in then if one not in here)
