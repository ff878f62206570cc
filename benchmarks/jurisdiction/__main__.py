"""How often country databases and their vote are right, against files that providers publish.

    python -m benchmarks.jurisdiction description.toml --json outcome.json

`description` names databases and published files (see `description.py`). Nothing is fetched.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.jurisdiction.description import (
    Database,
    Description,
    Provider,
    read_description,
    regions_of,
)
from benchmarks.jurisdiction.measuring import Row, measure, samples
from benchmarks.jurisdiction.published import MAX_BYTES, Published, PublishedFileError, read
from benchmarks.jurisdiction.report import LIMITS, as_json, table
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.countries import RULE_VERSION, Databases, DatabaseSource
from node.jurisdiction.errors import DataFileError


def main(given: list[str] | None = None) -> None:
    """Measure, print the table and its limits, and write the JSON; 2 if a file cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.jurisdiction",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("description", type=Path)
    parser.add_argument(
        "--each", type=_some, default=5000, help="prefixes of each provider and version of IP"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--documentation-ranges", action="store_true", help="for tests")
    asked = parser.parse_args(given)
    policy = AddressPolicy(allow_documentation_ranges=asked.documentation_ranges)
    try:
        outcome = _measured(asked.description, asked.each, asked.seed, policy)
    except (PublishedFileError, DataFileError) as error:
        print(f"accuracy: {error}", file=sys.stderr)
        sys.exit(2)
    if asked.json is not None:
        asked.json.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")


def _some(text: str) -> int:
    """Read how many: of none nothing can be said."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("write 1 or more")
    return number


def _measured(path: Path, each: int, seed: int, policy: AddressPolicy) -> dict[str, Any]:
    """Measure everything that a description names, and print it."""
    found = read_description(path)
    databases = Databases.open(
        DatabaseSource(path.parent / one.path, one.name) for one in found.database
    )
    rows: list[Row] = []
    files = []
    try:
        for provider in found.published:
            told, file = _published(path.parent, provider, policy)
            files.append(file)
            drawn = list(samples(provider, told, each, seed, policy))
            if not drawn:
                raise PublishedFileError(
                    f"published {provider.provider!r}: names no public prefix in a country"
                )
            for sample in drawn:
                rows += measure(sample, databases, found.database)
    finally:
        databases.close()
    _say(found, databases, files, rows)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rule_version": RULE_VERSION,
        "each": each,
        "seed": seed,
        "databases": _opened(found, databases),
        "published": files,
        "rows": [as_json(row) for row in rows],
        "limits": list(LIMITS),
    }


def _published(
    folder: Path, provider: Provider, policy: AddressPolicy
) -> tuple[Published, dict[str, Any]]:
    """Read the file of a provider, and return with it what is told about it."""
    try:
        with (folder / provider.path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        told = read(raw, provider.format, regions_of(provider), policy=policy)
    except OSError as error:
        raise PublishedFileError(
            f"published {provider.provider!r}: cannot be read ({error.strerror})"
        ) from None
    except PublishedFileError as error:
        raise PublishedFileError(f"published {provider.provider!r}: {error}") from None
    return told, {
        "provider": provider.provider,
        "format": provider.format,
        "date": provider.date.isoformat(),
        "source": provider.source,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "placed": len(told.placed),
        "unplaced": told.unplaced,
        "contradicted": told.contradicted,
        "refused": told.refused,
        "unknown_regions": list(told.unknown_regions),
    }


def _opened(found: Description, databases: Databases) -> list[dict[str, Any]]:
    """Return what is told about each database."""

    def told(one: Database, built_ms: int, sha256: str) -> dict[str, Any]:
        built = datetime.fromtimestamp(built_ms / 1000, UTC).date().isoformat()
        return {
            "name": one.name,
            "votes": one.votes,
            "built": built,
            "sha256": sha256,
            "source": one.source,
        }

    pairs = zip(found.database, databases.files, strict=True)
    return [told(one, file.built_ms, file.sha256) for one, file in pairs]


def _say(
    found: Description, databases: Databases, files: list[dict[str, Any]], rows: list[Row]
) -> None:
    for one in _opened(found, databases):
        voter = "votes" if one["votes"] else "does not vote"
        print(f"database {one['name']}: built {one['built']}, {voter}; {one['source']}")
    for one in files:
        left = ", ".join(f"{one[name]} {name}" for name in ("unplaced", "contradicted", "refused"))
        unknown = ", ".join(one["unknown_regions"]) or "none"
        print(f"published {one['provider']}: {one['date']}, {one['placed']} prefixes ({left};"
              f" regions unknown: {unknown}); {one['source']}")  # fmt: skip
    print(f"\n{table(rows)}\n")
    for limit in LIMITS:
        print(f"- {limit}")
    print(f"accuracy: providers={len(files)} databases={len(found.database)} rows={len(rows)}")


if __name__ == "__main__":
    main()
