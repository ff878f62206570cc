"""Country databases as files, made for a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from node.jurisdiction.countries import DatabaseSource

BUILT_S = 1_790_000_000
"""When each says that it was built: in the year 2026."""


class _Writer(MMDBWriter):
    built_s = BUILT_S

    def _build_meta(self) -> dict[str, Any]:
        return {**super()._build_meta(), "build_epoch": self.built_s}


def write_database(
    folder: Path, name: str, rows: Mapping[str, Any], built_s: int = BUILT_S
) -> DatabaseSource:
    """Write `{prefix: record}` as `NAME.mmdb` into a folder."""
    writer = _Writer(
        6, "Test-Country", languages=["en"], description={"en": name}, ipv4_compatible=True
    )
    writer.built_s = built_s
    for prefix, record in rows.items():
        writer.insert_network(IPSet([prefix]), record)
    path = folder / f"{name}.mmdb"
    writer.to_db_file(str(path))
    return DatabaseSource(path, name)
