"""Exit codes, fixed within v1, and the table that leads from an error to its code.

Scripts branch on these; the texts on stderr are for people. `docs/operating/reference.md` shows
the table and is tested against it.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a finished command says to the script that started it."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    REFUSED = 5
    KEYS = 6
    STORE = 7
    INPUT = 8
    PARTLY = 9
    INTERNAL = 70
    INTERRUPTED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "done; nothing to mend",
    Exit.PROBLEM: "done, and something needs a person: a check failed, lines were rejected",
    Exit.USAGE: "the command was typed wrongly",
    Exit.CONFIGURATION: "the configuration file is missing or wrong",
    Exit.UNREACHABLE: "the node does not run, or a peer or the registry cannot be reached",
    Exit.REFUSED: "refused: not admitted, not permitted, not trusted (also what is no request at"
    " all), or already there",
    Exit.KEYS: "a key file or the secret that unlocks it is missing, unsafe or wrong",
    Exit.STORE: "the database is missing, in use, damaged, full, or from a newer version",
    Exit.INPUT: "a file that was handed in cannot be read as what it should be",
    Exit.PARTLY: "evidence of which some entries prove what they show, and others less, or nothing",
    Exit.INTERNAL: "a mistake of this program; run again with --debug and report it",
    Exit.INTERRUPTED: "stopped from the keyboard; what was acknowledged is kept",
}

_BY_CODE: dict[str, Exit] = {
    "untrusted_document": Exit.REFUSED,
    "bad_signature": Exit.REFUSED,
    "unknown_member": Exit.REFUSED,
    "weak_key": Exit.REFUSED,
    "umbrella_unreached": Exit.UNREACHABLE,
}

_BY_BASE: dict[str, Exit] = {
    "MirrorsFailedError": Exit.UNREACHABLE,
    "SetupError": Exit.REFUSED,
    "RegistryError": Exit.REFUSED,
    "InterchangeError": Exit.INPUT,
    "JurisdictionError": Exit.CONFIGURATION,
    "EvidenceError": Exit.REFUSED,
    "CallError": Exit.UNREACHABLE,
    "ConfigError": Exit.CONFIGURATION,
    "KeysError": Exit.KEYS,
    "StoreError": Exit.STORE,
}


def exit_of(error: BaseException) -> Exit | None:
    """Give the exit code for one of our errors, or None if it is none of ours.

    A verb's own error carries its code as `exit`; otherwise its `code`, then the base class of the
    package that raised it, decides. Classes are looked up by name: nothing is imported for it.
    """
    own = getattr(error, "exit", None)
    if isinstance(own, Exit):
        return own
    code = getattr(error, "code", None)
    if not isinstance(code, str):
        return None
    if code in _BY_CODE:
        return _BY_CODE[code]
    names = (base.__name__ for base in type(error).__mro__)
    return next((_BY_BASE[name] for name in names if name in _BY_BASE), Exit.REFUSED)
