"""What `hotline doctor` says of this member's keys, beside whether they are here and open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.doctor.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from node.setup.key_status import KeyRow


def check_own_keys(revoked: Sequence[tuple[str, str]]) -> list[Finding]:
    """Judge keys of ours that are in use or published though nobody believes them.

    Args:
        revoked: purpose and id of each.
    """
    findings = []
    for purpose, key_id in revoked:
        what = f"the {purpose} key {key_id} is revoked: nobody believes it, and it is still in use"
        mend = f"bring member.key; hotline keys rotate {purpose} --after-h 0"
        if purpose == "sealing":
            mend = "bring member.key; hotline publish --rotate"
        findings.append(Finding(Severity.CRITICAL, "keys", "key_revoked", what, mend))
    return findings


def check_keys_here(rows: Iterable[KeyRow]) -> list[Finding]:
    """Judge keys that the network takes to be in use and that do not lie here.

    What the key before them signs counts until its turn is over, and then nowhere. Sealing keys are
    judged by when the last of them ends.
    """
    findings = []
    for row in rows:
        if row.standing != "not here" or row.purpose == "sealing":
            continue
        purpose = row.purpose
        what = f"the {purpose} key {row.key_id} serves, says the registry, and does not lie here"
        mend = "bring back a keys_dir from after the last rotation; if there is none, bring"
        mend += f" member.key: hotline keys rotate {purpose} --after-h 0"
        findings.append(Finding(Severity.CRITICAL, "keys", "key_not_here", what, mend))
    return findings
