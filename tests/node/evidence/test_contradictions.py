"""§8.14.6: a ledger that contradicts a channel as a file; both verifiers agree on each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from node.evidence import contradictions
from node.evidence.contradictions import check_contradiction, export_contradiction, keys_of
from node.evidence.errors import BrokenBundleError, UnprovableError
from node.evidence.weight import Trust
from protocol.contradiction import Contradiction, clear
from protocol.errors import ProtocolError
from protocol.fork import verify_fork
from tests.node.evidence import contradicted
from tests.node.evidence.contradicted import (
    FALSE,
    ORIGIN,
    PDC,
    TAMPERED,
    checkpoint_note,
    file_of,
    kept_contradiction,
    receipt_note,
)
from tests.node.evidence.forked import EOKM, FILES, IWF, PIN, REGISTRY
from tests.second import contradiction as second
from tests.second.basics import RefusedError

SIZES = [(9, 9), (5, 9), (4, 9)]


def refused_by_both(raw: bytes, pin: bytes = PIN) -> None:
    """Neither verifier takes it."""
    with pytest.raises(BrokenBundleError):
        check_contradiction(raw, pin)
    with pytest.raises(RefusedError):
        second.check_contradiction(raw, pin)


@pytest.mark.parametrize("accused", [IWF, EOKM])
@pytest.mark.parametrize(("size", "signed"), SIZES)
def test_8_14_both_are_convinced_of_a_contradiction(accused: str, size: int, signed: int) -> None:
    """With nothing but the file and the network's fingerprint; as sender, or as receiver."""
    raw = file_of(kept_contradiction(accused, size, signed))
    assert contradictions.is_contradiction(raw)
    proven = check_contradiction(raw, PIN)
    assert proven.origin == str(ORIGIN)
    found = second.check_contradiction(raw, PIN)
    assert (proven.accused, proven.sizes, proven.as_sender) == (
        accused,
        (size, signed),
        accused == IWF,
    )
    assert found == (accused, str(ORIGIN), (size, signed), accused == IWF)


@pytest.mark.parametrize("accused", [IWF, EOKM])
@pytest.mark.parametrize(("size", "signed"), SIZES)
def test_g5_honest_ledger_is_accused_by_neither(accused: str, size: int, signed: int) -> None:
    """It says what the channel says, or what the channel went on from."""
    refused_by_both(file_of(kept_contradiction(accused, size, signed, honest=True)))


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=list(TAMPERED))
def test_8_14_tampered_contradiction_convinces_neither(tamper: contradicted.Tamper) -> None:
    """Whatever is changed, nobody is accused."""
    file = json.loads(file_of(kept_contradiction(EOKM)))
    tamper(file)
    refused_by_both(json.dumps(file).encode())


@pytest.mark.parametrize("accused", [IWF, EOKM])
def test_8_14_ledger_of_another_member_binds_nobody(accused: str) -> None:
    """Signed by the accused, under the name of another's ledger."""
    refused_by_both(file_of(kept_contradiction(accused, owner=PDC)))


def test_8_14_two_logs_do_not_contradict_each_other() -> None:
    """A leaf about one epoch, a checkpoint of the next."""
    other = ORIGIN._replace(epoch=b"\x01" * 8)
    refused_by_both(file_of(kept_contradiction(IWF, log=other)))
    refused_by_both(file_of(kept_contradiction(IWF, 9, 9, log=other)))


def test_8_14_ledger_about_a_channel_of_others_accuses_nobody() -> None:
    """It is not what its owner sent or receipted."""
    refused_by_both(file_of(kept_contradiction(PDC)))


def test_g5_receipt_does_not_make_a_sender_look_deceived() -> None:
    """Against a sender its own two words are enough; a receipt in the file is another claim."""
    file = json.loads(file_of(kept_contradiction(IWF)))
    file["receipt"] = receipt_note(9).decode()
    refused_by_both(json.dumps(file).encode())


def test_8_14_other_network_convinces_neither() -> None:
    """Whoever pinned another root."""
    refused_by_both(file_of(kept_contradiction()), bytes(32))


@pytest.mark.parametrize("number", [2, 1], ids=["unknown", "for us alone"])
def test_8_14_what_cannot_be_shown_is_not_exported(number: int) -> None:
    """No such number, or our log has no receipt so far."""
    kept = replace(kept_contradiction(), evidence=None)
    with pytest.raises(UnprovableError, match="number"):
        export_contradiction([kept], number, EOKM, REGISTRY, FILES)


def evidence_of(size: int, signed: int) -> Contradiction:
    """Return what accuses nl-eokm as receiver."""
    found = kept_contradiction(EOKM, size, signed).evidence
    assert found is not None
    return found


@pytest.mark.parametrize(("size", "signed"), SIZES)
def test_g5_deceived_receiver_clears_itself(size: int, signed: int) -> None:
    """The sender's other checkpoint and the one in the file prove who forked."""
    fork = clear(evidence_of(size, signed), checkpoint_note(size, FALSE), keys_of(Trust(REGISTRY)))
    assert verify_fork(fork, REGISTRY.member(IWF).log_keys).origin == ORIGIN


@pytest.mark.parametrize(
    "other",
    [
        checkpoint_note(5),
        checkpoint_note(6, FALSE),
        checkpoint_note(5, b"\x08" * 32),
        checkpoint_note(5, FALSE, EOKM),
    ],
    ids=["what the channel says", "another size", "another root", "its own signature"],
)
def test_g5_liar_clears_itself_with_nothing_else(other: bytes) -> None:
    """Only what its ledger says, signed by the sender, explains it."""
    with pytest.raises(ProtocolError):
        clear(evidence_of(5, 9), other, keys_of(Trust(REGISTRY)))
