"""`hotline doctor`: what is wrong, and the command that mends it."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from node.cli.exits import Exit
from node.cli.looking import probe
from node.cli.output import Result
from node.config import load
from node.doctor.findings import Finding, Severity, fine, in_order, worst
from node.doctor.gather import Examination

if TYPE_CHECKING:
    from pathlib import Path

    from node.cli.looking import Running

NONCE_BYTES = 16
_PASSING = frozenset({"store_full", "store_away"})
"""Codes of what a running node waits for; one that is started meanwhile ends at once."""


def doctor(path: Path) -> Result:
    """Examine the node of a configuration, whether it runs or not.

    Raises:
        ConfigError: the configuration cannot be read; all else becomes a finding.
    """
    config = load(path)
    examination = Examination(
        config,
        clock=lambda: time.time_ns() // 1_000_000,
        nonce=lambda: os.urandom(NONCE_BYTES),
    )
    found = in_order([_process(probe(config)), *asyncio.run(examination.run())])
    level = worst(found)
    data = {
        "worst": level.name.lower(),
        "findings": [{**asdict(one), "severity": one.severity.name.lower()} for one in found],
    }
    return Result(data, _text(found), Exit.PROBLEM if level >= Severity.WARNING else Exit.OK)


def _process(running: Running) -> Finding:
    """Judge whether the node runs."""
    if not running.answers:
        what, mend = "the node does not run", "hotline run, or systemctl start hotline-node"
        return Finding(Severity.WARNING, "process", "not_running", what, mend)
    if running.upgrades is not None:
        what = f"the node brings its store up to date: {running.upgrades}"
        mend = "wait; stopped or killed, it goes on at its next start"
        return Finding(Severity.WARNING, "process", "store_upgrades", what, mend)
    if running.missing:
        what = f"the node runs and is not ready: {', '.join(running.missing)}"
        mend = f"docs/errors.md, {running.missing[0]}; it goes on by itself, without a restart"
        if not _PASSING.issuperset(running.missing):
            mend = "read its log; restart it"
        return Finding(Severity.CRITICAL, "process", "not_ready", what, mend)
    return fine("process", "the node runs and is ready")


def _text(found: list[Finding]) -> str:
    lines = []
    for one in found:
        lines.append(f"{one.severity.name.lower():<8}  {one.check:<8}  {one.what}")
        if one.mend:
            lines.append(f"{'':<20}mend: {one.mend}")
    return "\n".join(lines)
