"""The configuration: one TOML file, read once into one frozen object that constructors pass on.

Rules upheld here: an unknown section or key is refused with the nearest valid one; every problem of
the file is reported at once; units stand in the names; a relative path counts from the file's own
directory; a secret is only ever referred to (`file:PATH`, `env:NAME`, `command:PROGRAM`).

`sections` declares and documents the keys, `values` reads single values, `reading` the file, `text`
makes the documentation's table and the commented file out of the declarations.
"""

from node.config.errors import ConfigError, ConfigInvalidError, ConfigUnreadableError, Problem
from node.config.places import JurisdictionSection
from node.config.reading import load, parse
from node.config.sections import (
    ApiSection,
    Config,
    HashcheckSection,
    MatchingSection,
    MemberSection,
    PeerSection,
    PublicSection,
    RegistrySection,
    StoreSection,
)
from node.config.values import DatabaseRef, OriginRef

__all__ = [
    "ApiSection",
    "Config",
    "ConfigError",
    "ConfigInvalidError",
    "ConfigUnreadableError",
    "DatabaseRef",
    "HashcheckSection",
    "JurisdictionSection",
    "MatchingSection",
    "MemberSection",
    "OriginRef",
    "PeerSection",
    "Problem",
    "PublicSection",
    "RegistrySection",
    "StoreSection",
    "load",
    "parse",
]
