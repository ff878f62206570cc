"""Reading what mutmut left in `mutants/`: which mutants live, and which of these are explained."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

ROOT: Final = Path(__file__).resolve().parent.parent.parent
EXPLAINED: Final = Path(__file__).resolve().parent / "explained.toml"
ENOUGH: Final = {"keys": 90.0, "protocol": 90.0, "node.matching": 95.0}
"""Per cent of a package's mutants that must be killed (R12)."""

KILLED: Final = {1, 3}
"""A test failed, or pytest itself."""

TIMED_OUT: Final = {24, -24, 36, 152, 255, -14}
"""A test that no longer ends fails as well."""

BROKEN: Final = {-6, -11}
"""And one that ends its whole process, by a fault inside a library (SIGABRT, SIGSEGV)."""


def is_dead(code: int | None) -> bool:
    """Whether a mutant whose tests ended so is killed; none: no test was run against it."""
    return code in KILLED | TIMED_OUT | BROKEN


@dataclass(frozen=True)
class Mutant:
    """One change that lives: `name` as mutmut has it, `place` such as `protocol.note.parse`."""

    name: str
    place: str
    change: str
    diff: str


@dataclass
class Module:
    """What became of the mutants of one module."""

    name: str
    mutants: int = 0
    killed: int = 0
    explained: list[Mutant] = field(default_factory=list)
    unexplained: list[Mutant] = field(default_factory=list)

    @property
    def score(self) -> float:
        """Per cent killed."""
        return 100 * self.killed / self.mutants


def explanations() -> dict[tuple[str, str], str]:
    """Return why a mutant lives, by its place and its changed lines."""
    listed = tomllib.loads(EXPLAINED.read_text())["reason"]
    return {
        (place, change): reason["why"]
        for reason in listed
        for place, changes in reason["changes"].items()
        for change in changes
    }


def is_in(name: str, packages: Sequence[str]) -> bool:
    """Whether a module is one of these, or stands in one of them."""
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def too_low(modules: Sequence[Module]) -> dict[str, float]:
    """Return the packages of which too little is killed, with what they score."""
    low = {}
    for package, enough in ENOUGH.items():
        inside = [module for module in modules if is_in(module.name, [package])]
        mutants = sum(module.mutants for module in inside)
        killed = sum(module.killed for module in inside)
        if mutants and 100 * killed / mutants < enough:
            low[package] = 100 * killed / mutants
    return low


def reckon(only: Sequence[str], explained: Mapping[tuple[str, str], str]) -> list[Module]:
    """Return the modules that were looked at, those without a single mutant left out."""
    found = []
    for path in sorted((ROOT / "mutants").rglob("*.py.meta")):
        source = path.relative_to(ROOT / "mutants").with_suffix("")
        name = ".".join(source.with_suffix("").parts)
        exits = json.loads(path.read_text())["exit_code_by_key"]
        if exits and (not only or is_in(name, only)):
            found.append(_module(name, source, exits, explained))
    return found


def _module(
    name: str, source: Path, exits: Mapping[str, Any], explained: Mapping[tuple[str, str], str]
) -> Module:
    module = Module(name)
    for mutant_name, code in exits.items():
        module.mutants += 1
        if is_dead(code):
            module.killed += 1
            continue
        mutant = _mutant(name, mutant_name, source)
        known = (mutant.place, mutant.change) in explained
        (module.explained if known else module.unexplained).append(mutant)
    return module


def _mutant(module: str, name: str, source: Path) -> Mutant:
    function, of_class = orig_function_and_class_names_from_key(name)
    diff = get_diff_for_mutant(name, path=source)
    lines = [
        line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}
    ]
    place = ".".join(part for part in (module, of_class, function) if part)
    return Mutant(name, place, change_of(lines), "\n".join(lines))


def change_of(lines: Sequence[str]) -> str:
    """Return how a change is written where it is explained, from the lines of its difference.

    As the new lines read; where there are none since something was taken out, as the old ones with
    the minus before them: else one explanation would do for whatever is taken out of a function.
    """
    added = [line[1:].strip() for line in lines if line[0] == "+"]
    return "\n".join(added or (f"-{line[1:].strip()}" for line in lines))
