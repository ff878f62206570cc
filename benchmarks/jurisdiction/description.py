"""What is measured against what: a TOML file that the operator writes.

    [[database]]
    name = "alpha"
    path = "alpha.mmdb"              # from the folder of this file
    votes = true                     # false: measured, but no voter
    source = "where it comes from, its version and licence"

    [[published]]
    provider = "cloud-a"
    format = "geofeed"               # see `published`
    path = "geofeed.csv"
    date = 2026-11-01                # when the provider published it
    source = "where it comes from"
    input_of = ["alpha"]             # databases that are made from what this provider publishes
    independent_of = ["beta"]        # databases whose makers say what goes in, and this does not
    regions = {"moon-1" = "NL"}      # beside regions.toml

A database that is neither in `input_of` nor in `independent_of` is `unknown`: its makers do not say
what goes in. Its figures are an upper bound.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Final, Literal

import msgspec

from benchmarks.jurisdiction.published import FORMATS, PublishedFileError
from node.jurisdiction.codes import COUNTRIES

REGIONS: Final = Path(__file__).resolve().parent / "regions.toml"
Standing = Literal["independent", "unknown", "input"]
MAX_BYTES: Final = 1 << 20


class Database(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A country database."""

    name: str
    path: str
    source: str
    votes: bool = True


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one provider publishes, and which databases are made from it."""

    provider: str
    format: str
    path: str
    date: date
    source: str
    input_of: frozenset[str] = frozenset()
    independent_of: frozenset[str] = frozenset()
    regions: dict[str, str] = {}

    def standing(self, database: str) -> Standing:
        """Return whether what is published can judge a database."""
        if database in self.input_of:
            return "input"
        return "independent" if database in self.independent_of else "unknown"


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All databases, and all that they are measured against."""

    database: tuple[Database, ...]
    published: tuple[Provider, ...]


def read_description(path: Path) -> Description:
    """Read a description; paths in it become paths from its folder.

    Raises:
        PublishedFileError: it cannot be read or is none; the message names the field.
    """
    try:
        text = path.read_bytes()[: MAX_BYTES + 1].decode("utf-8")
        found = msgspec.convert(tomllib.loads(text), type=Description)
    except OSError as error:
        raise PublishedFileError(f"description: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise PublishedFileError("description: is not TOML") from None
    except msgspec.ValidationError as error:
        raise PublishedFileError(f"description: {error}") from None
    _check(found)
    return found


def _check(found: Description) -> None:
    names = [one.name for one in found.database]
    if len(set(names)) != len(names) or not names:
        raise PublishedFileError("description: database: give each a name of its own, one at least")
    if len({one.provider for one in found.published}) != len(found.published):
        raise PublishedFileError("description: published: give each provider once")
    for number, one in enumerate(found.published, start=1):
        where = f"description: published, entry {number}"
        if one.format not in FORMATS:
            raise PublishedFileError(f"{where}: format: write one of {', '.join(FORMATS)}")
        if (one.input_of | one.independent_of) - set(names):
            raise PublishedFileError(f"{where}: input_of, independent_of: write names of databases")
        if one.input_of & one.independent_of:
            raise PublishedFileError(
                f"{where}: a database stands in both input_of and independent_of"
            )
        if set(one.regions.values()) - COUNTRIES:
            raise PublishedFileError(f"{where}: regions: write countries of ISO 3166-1, such as NL")


def regions_of(one: Provider) -> dict[str, str]:
    """Return in which country each region of a provider stands."""
    tables = tomllib.loads(REGIONS.read_text("utf-8"))
    ours = tables.get(one.format, {})
    return {name: country for country, names in ours.items() for name in names} | one.regions
