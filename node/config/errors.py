"""What can be wrong with a configuration.

Errors::

    ConfigError
    +-- ConfigUnreadableError   the file is missing, not readable, too large or not UTF-8
    +-- ConfigInvalidError      the file is not TOML, or keys are wrong (`problems` lists all)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the file: where it is and what mends it."""

    field: str
    mend: str


class ConfigError(Exception):
    """Base of all configuration errors: `field` says where, `mend` what to do."""

    code: ClassVar[str] = "config"
    retryable: ClassVar[bool] = False

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        self.field, self.mend = problems[0].field, problems[0].mend
        more = f" (and {len(problems) - 1} more: hotline config check)" if problems[1:] else ""
        super().__init__(f"{self.field}: {self.mend}{more}")


class ConfigUnreadableError(ConfigError):
    """The file cannot be read at all."""

    code = "config_unreadable"


class ConfigInvalidError(ConfigError):
    """The file is not TOML, or sections, keys or values are wrong."""

    code = "config_invalid"
