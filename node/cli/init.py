"""`hotline init`: make a member, then say what to do next."""

from __future__ import annotations

import time

from node.cli.output import Result
from node.setup.member import MadeMember, NewMember, make_member


def init(new: NewMember) -> Result:
    """Make everything a member needs.

    Raises:
        SetupError, ConfigError, RegistryError, KeysError: as `make_member`; nothing is half done.
    """
    made = make_member(new, time.time_ns() // 1_000_000)
    data = {
        "member": made.config.member.id,
        "config": str(made.config.source),
        "admission_request": str(made.request),
        "keys": str(made.config.member.keys_dir),
        "database": made.config.store.shown,
        "token_file": str(made.config.api.token_file),
        "unlock": made.unlock,
        "made_unlock_secret": made.made_secret,
        "resumed": made.resumed,
    }
    return Result(data, _text(made))


def _text(made: MadeMember) -> str:
    config = made.config
    begun = "finished what was interrupted:" if made.resumed else "made:"
    lines = [
        f"{config.member.id}: {begun}",
        f"  configuration      {config.source}",
        f"  keys               {config.member.keys_dir}",
        f"  encrypted database {config.store.shown}",
        f"  admin token        {config.api.token_file}",
        f"  admission request  {made.request}",
        "",
        *_advice(made),
        "",
        "next:",
        f"  1. give {made.request.name} to the umbrella, who runs: hotline network admit FILE",
        "  2. ask a person there for the network's fingerprint, then:",
        f"     hotline join --root FINGERPRINT --mirror ADDRESS --config {config.source}",
        f"  3. hotline run --config {config.source}",
    ]
    return "\n".join(lines)


def _advice(made: MadeMember) -> list[str]:
    member = made.config.member
    path = member.keys_dir / "member.key"
    lines = [
        "keep apart:",
        f"  {path} signs for this member: move it to a medium that is kept offline",
    ]
    if member.hsm is not None:
        lines.append(
            "  the token holds half of the log and receipt keys: back it up as its maker says"
        )
    if made.unlock.startswith("file:"):
        secret = made.unlock.removeprefix("file:")
        lines.append(f"  {secret} opens all keys: keep it out of backups of the node's directory,")
        lines.append("  best on another disk or with the service manager; back up both, separately")
    return lines
