"""What the holders of a network decide about its members, as pure changes of its document.

Each function returns another network document; `node.registry.admit.govern` proposes it, signed by
whoever is there, in force when the threshold is met. Nothing here removes a member: who was one
stays listed, so that what it signed can be judged for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from keys.network import EXPELLED, MemberEntry, NetworkDocument, Role
from keys.transfers import TransferTerms
from node.registry import rules
from node.registry.errors import RefusedError


def set_countries(
    network: NetworkDocument,
    member: str,
    countries: Sequence[str],
    choice_rules: Mapping[str, tuple[str, ...]],
) -> NetworkDocument:
    """Let a member answer for other countries than before.

    Args:
        network: as it is.
        member: whose countries change.
        countries: all that it answers for from now on.
        choice_rules: who comes first in a country that has several hotlines now.

    Raises:
        RefusedError: no such member, it is expelled, a country does not exist, or it would come in
            no place of a rule that stands.
    """
    entry = standing(network, member)
    rules.check_jurisdictions(countries)
    changed = {**network.members, member: replace(entry, jurisdictions=tuple(countries))}
    given_up = set(entry.jurisdictions) - set(countries)
    chosen = {
        code: _but(ids, member) if code in given_up else ids
        for code, ids in network.choice_rules.items()
    }
    after = replace(network, members=changed, choice_rules=filled({**chosen, **choice_rules}))
    check_ranked(network, after, member, choice_rules)
    return after


def set_roles(
    network: NetworkDocument,
    member: str,
    roles: Sequence[Role],
    choice_rules: Mapping[str, tuple[str, ...]],
) -> NetworkDocument:
    """Give a member other roles than before; who is no hotline any more stands in no rule.

    Args:
        network: as it is.
        member: whose roles change.
        roles: all that it has from now on, one at least.
        choice_rules: who comes first in a country that has several hotlines now.

    Raises:
        RefusedError: no such member, it is expelled, there is no role, or it would come in no place
            of a rule that stands; or it has these already.
    """
    entry = standing(network, member)
    rules.check_entry(entry.name, roles, entry.jurisdictions)
    changed = {**network.members, member: replace(entry, roles=tuple(dict.fromkeys(roles)))}
    fallback, chosen = network.fallback_members, dict(network.choice_rules)
    if "hotline" not in roles:
        fallback = _but(fallback, member)
        chosen = {code: _but(ids, member) for code, ids in chosen.items()}
    after = replace(
        network,
        members=changed,
        fallback_members=fallback,
        choice_rules=filled({**chosen, **choice_rules}),
    )
    check_ranked(network, after, member, choice_rules)
    if set(roles) == set(entry.roles) and after.choice_rules == network.choice_rules:
        raise RefusedError("roles", "are these already")
    return after


def set_fallback(network: NetworkDocument, members: Sequence[str]) -> NetworkDocument:
    """Name who takes what nobody covers, in this order; nobody: its finder has it.

    Raises:
        RefusedError: one is no hotline of this network, or is expelled; or it is so already.
    """
    named = tuple(dict.fromkeys(members))
    for member in named:
        if "hotline" not in standing(network, member).roles:
            raise RefusedError("fallback_members", f"{member} is no hotline; name one that is")
    if named == network.fallback_members:
        raise RefusedError("fallback_members", "are these already, in this order")
    return replace(network, fallback_members=named)


def expel(
    network: NetworkDocument, member: str, choice_rules: Mapping[str, tuple[str, ...]]
) -> NetworkDocument:
    """End a membership for good; its countries are another's, or orphans.

    The terms of its pairs stay: by them is read what a person lets in that it had handed over.

    Raises:
        RefusedError: no such member, or it is expelled already.
    """
    ended = replace(standing(network, member), status=EXPELLED, jurisdictions=())
    chosen = {code: _but(ids, member) for code, ids in network.choice_rules.items()}
    return replace(
        network,
        members={**network.members, member: ended},
        fallback_members=_but(network.fallback_members, member),
        choice_rules=filled({**chosen, **choice_rules}),
    )


def merge(
    network: NetworkDocument,
    member: str,
    successor: str,
    choice_rules: Mapping[str, tuple[str, ...]],
) -> NetworkDocument:
    """End a membership; another member takes over its countries, duties and ranks.

    Raises:
        RefusedError: one of them is no standing member, they are one, or the successor is
            suspended, lacks a role of the other, or would come in no place of a rule that stands.
    """
    entry, heir = standing(network, member), standing(network, successor)
    if member == successor:
        raise RefusedError("successor", "is the member itself")
    if heir.status != "active":
        raise RefusedError("successor", "is suspended; reinstate it first")
    if not set(entry.roles) <= set(heir.roles):
        raise RefusedError("successor", "lacks a role of the member it takes over from")
    countries = tuple(dict.fromkeys((*heir.jurisdictions, *entry.jurisdictions)))
    heirs = {**network.members, successor: replace(heir, jurisdictions=countries)}
    ended = replace(entry, status=EXPELLED, jurisdictions=(), successor=successor)
    heirs[member] = ended
    chosen = {code: _instead(ids, member, successor) for code, ids in network.choice_rules.items()}
    after = replace(
        network,
        members=heirs,
        fallback_members=_instead(network.fallback_members, member, successor),
        choice_rules=filled({**chosen, **choice_rules}),
    )
    check_ranked(network, after, successor, choice_rules)
    return after


def set_terms(
    network: NetworkDocument, terms: TransferTerms, pair: tuple[str, str] | None
) -> NetworkDocument:
    """Say on which basis, and with which fields, `pair` (sender, receiver) or all may send.

    Raises:
        RefusedError: the pair is not of two members.
    """
    before = network.transfers
    if pair is None:
        return replace(network, transfers=replace(before, default=terms))
    if pair[0] == pair[1] or any(member not in network.members for member in pair):
        raise RefusedError("transfers", "name two members of this network")
    return replace(network, transfers=replace(before, pairs={**before.pairs, pair: terms}))


def check_ranked(
    before: NetworkDocument,
    after: NetworkDocument,
    member: str,
    choice_rules: Mapping[str, tuple[str, ...]],
) -> None:
    """Refuse that a hotline comes to a country whose rule leaves it out, and nobody said so.

    By such a rule it would never be responsible there, whatever is published of it. Who wants that
    says it, by a rule in `choice_rules` without it.

    Raises:
        RefusedError: the rule that stands is named, and what to say.
    """
    new = set(_served(after, member)) - set(_served(before, member)) - set(choice_rules)
    for code in sorted(new):
        rule = after.choice_rules.get(code, (member,))
        if member not in rule:
            what = f"names {', '.join(rule)}, and {member} would never be responsible there"
            mend = f"say the order: --choice {code}={','.join((*rule, member))}"
            raise RefusedError(f"choice_rules.{code}", f"{what}; {mend}")


def _served(network: NetworkDocument, member: str) -> tuple[str, ...]:
    """The countries that a member lists as a hotline."""
    entry = network.members.get(member)
    return () if entry is None or "hotline" not in entry.roles else entry.jurisdictions


def standing(network: NetworkDocument, member: str) -> MemberEntry:
    """Return the entry of a member that is not expelled.

    Raises:
        RefusedError: there is none.
    """
    entry = network.members.get(member)
    if entry is None:
        raise RefusedError("member", "this network lists no such member")
    if entry.status == EXPELLED:
        raise RefusedError("member", "is expelled; it comes back under another id")
    return entry


def _instead(ids: Sequence[str], member: str, successor: str) -> tuple[str, ...]:
    """The same order with the successor in the member's place, once."""
    return tuple(dict.fromkeys(successor if one == member else one for one in ids))


def _but(ids: Sequence[str], member: str) -> tuple[str, ...]:
    return tuple(one for one in ids if one != member)


def filled(chosen: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return rules of choice without those that name nobody: such a one is no rule."""
    return {code: ids for code, ids in chosen.items() if ids}
