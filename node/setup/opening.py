"""The keys that a configuration names: files, the secret that opens them, and an HSM if it has one.

Nothing is asked of the HSM until one of its keys signs: a token that is away stops no verb that
only needs to know which keys there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keys.hsm import Hsm
from keys.keyring import MemberKeys
from keys.unlock import Unlock

if TYPE_CHECKING:
    from node.config import Config


def hsm_of(config: Config) -> Hsm | None:
    """Give the token of a configuration; None if it names none.

    Raises:
        UnreadableKeyError: its URI names too little or too much.
    """
    member = config.member
    if member.hsm is None or member.hsm_pin is None:
        return None
    return Hsm.from_config(member.hsm, member.hsm_pin)


def open_keys(config: Config) -> MemberKeys:
    """Read all keys of a member.

    Raises:
        KeysError: they do not open, or are not safe where they lie.
    """
    member = config.member
    return MemberKeys.load(member.keys_dir, Unlock.from_config(member.unlock), hsm_of(config))
