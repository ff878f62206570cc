"""`hotline config check`: every problem of the file at once, or what is in force."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from node.cli.exits import Exit
from node.cli.output import Result
from node.config import Config, ConfigInvalidError, load
from node.config.sections import section_types


def check(path: Path) -> Result:
    """Read the file at `path` and report.

    Raises:
        ConfigUnreadableError: the file cannot be read at all.
    """
    try:
        config = load(path)
    except ConfigInvalidError as error:
        problems = [dataclasses.asdict(problem) for problem in error.problems]
        text = "\n".join(f"{problem.field}: {problem.mend}" for problem in error.problems)
        return Result({"valid": False, "problems": problems}, text, Exit.CONFIGURATION)
    values = {name: _plain(getattr(config, name)) for name in section_types()}
    return Result({"valid": True, "problems": [], "values": values}, _text(config))


def _plain(section: Any) -> dict[str, Any]:
    return {key: _shown(value) for key, value in dataclasses.asdict(section).items()}


def _shown(value: Any) -> Any:
    """Give a value fit for JSON: paths as text, tuples as lists."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _shown(entry) for key, entry in value.items()}
    return [_shown(entry) for entry in value] if isinstance(value, tuple | list) else value


def _text(config: Config) -> str:
    lines = [f"{config.source}: valid"]
    for name in section_types():
        lines.append(f"[{name}]")
        plain = _plain(getattr(config, name))
        lines.extend(f"  {key} = {value}" for key, value in plain.items())
    return "\n".join(lines)
