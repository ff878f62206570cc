"""§8.9, §8.14: proofs against a member carry revocation notes; no thief accuses it by them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from keys.signing import Signer
from node.evidence.contradictions import check_contradiction, export_contradiction
from node.evidence.errors import BrokenBundleError
from node.evidence.forks import check_fork, export_fork
from protocol.revocation import Revocation, make
from tests.node.evidence.contradicted import kept_contradiction
from tests.node.evidence.forked import EOKM, FILES, IWF, KEYS, PIN, REGISTRY, kept
from tests.node.evidence.tampered import signature_flipped
from tests.second import contradiction as second_contradiction
from tests.second import files as second
from tests.second.basics import RefusedError

PDC = "fr-pdc"
LOG, RECEIPT = KEYS[IWF].log, KEYS[EOKM].receipt


def note(member: str, key: Signer, by: Signer | None = None) -> bytes:
    """Revoke a member's key, signed by the key itself unless told otherwise."""
    said = Revocation(REGISTRY.network_id, member, key.public.key_id)
    return make(said, by or key)


def fork_file(notes: Iterable[bytes] = ()) -> bytes:
    """Return a proof that gb-iwf forked."""
    return export_fork([kept()], 1, EOKM, REGISTRY, FILES, notes)


def contradiction_file(notes: Iterable[bytes] = ()) -> bytes:
    """Return a proof that the ledger of nl-eokm contradicts what gb-iwf sent to it."""
    return export_contradiction([kept_contradiction(EOKM)], 1, PDC, REGISTRY, FILES, notes)


Check = Callable[..., object]
KINDS: dict[str, tuple[Callable[..., bytes], Check, Check]] = {
    "fork": (fork_file, check_fork, second.check_fork),
    "contradiction": (
        contradiction_file,
        check_contradiction,
        second_contradiction.check_contradiction,
    ),
}
KEYS_OF = {
    "fork": [(IWF, LOG)],
    "contradiction": [(IWF, LOG), (EOKM, KEYS[EOKM].log), (EOKM, RECEIPT)],
}
CASES = [(kind, member, key) for kind, keys in KEYS_OF.items() for member, key in keys]


@pytest.mark.parametrize("by", ["itself", "member key"])
@pytest.mark.parametrize(("kind", "member", "key"), CASES)
def test_g7_what_a_revoked_key_signed_accuses_nobody_offline(
    kind: str, member: str, key: Signer, by: str
) -> None:
    """By the note in the file alone, whoever of the two signed it; without it both believe."""
    export, ours, theirs = KINDS[kind]
    revoked = note(member, key, None if by == "itself" else KEYS[member].member)
    assert ours(export(), PIN)
    assert theirs(export(), PIN)
    raw = export([revoked])
    assert json.loads(raw)["revocations"] == [revoked.decode()]
    with pytest.raises(BrokenBundleError):
        ours(raw, PIN)
    with pytest.raises(RefusedError):
        theirs(raw, PIN)


@pytest.mark.parametrize("kind", KINDS)
def test_g7_a_note_at_hand_counts_as_one_in_the_file(kind: str) -> None:
    """One that was left out is found by whoever has a node."""
    export, ours, _ = KINDS[kind]
    assert ours(export(), PIN, [b"garbage"])
    with pytest.raises(BrokenBundleError):
        ours(export(), PIN, [note(IWF, LOG)])


@pytest.mark.parametrize("kind", KINDS)
def test_8_9_notes_that_concern_nobody_in_it_stay_out(kind: str) -> None:
    """And then it has no such field: version N-1 knows none."""
    export, ours, theirs = KINDS[kind]
    foreign = [note(PDC, KEYS[PDC].log), note(IWF, KEYS[IWF].transport), b"garbage"]
    raw = export(foreign)
    assert "revocations" not in json.loads(raw)
    assert ours(raw, PIN)
    assert theirs(raw, PIN)


@pytest.mark.parametrize("kind", KINDS)
def test_8_9_a_note_about_another_key_takes_nothing_from_it(kind: str) -> None:
    """It is true, and about nothing that was signed here."""
    export, ours, theirs = KINDS[kind]
    raw = export([note(IWF, KEYS[IWF].receipt)])
    assert len(json.loads(raw)["revocations"]) == 1
    assert ours(raw, PIN)
    assert theirs(raw, PIN)


GOOD = note(IWF, KEYS[IWF].receipt).decode()
TAMPERED: dict[str, Any] = {
    "altered": [signature_flipped(GOOD, 0)],
    "about another key": [GOOD.replace(KEYS[IWF].receipt.public.key_id, "0" * 16)],
    "of another member": [GOOD.replace(IWF, EOKM)],
    "of another network": [GOOD.replace(REGISTRY.network_id, "demo-0123456789abcdef")],
    "by somebody else": [note(IWF, LOG, KEYS[EOKM].log).decode()],
    "about a transport key": [note(IWF, KEYS[IWF].transport).decode()],
    "twice": [GOOD, GOOD],
    "cut off": [GOOD[:-20]],
    "garbage": ["garbage"],
    "a number": [7],
    "a word": GOOD,
    "nothing": None,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("notes", TAMPERED.values(), ids=list(TAMPERED))
def test_8_9_notes_that_were_tampered_with_break_the_file(kind: str, notes: Any) -> None:
    """Nobody is accused by a file that somebody changed."""
    export, ours, theirs = KINDS[kind]
    raw = json.dumps(json.loads(export()) | {"revocations": notes}).encode()
    with pytest.raises(BrokenBundleError) as refused:
        ours(raw, PIN)
    assert "revocations" in str(refused.value)
    with pytest.raises(RefusedError):
        theirs(raw, PIN)
