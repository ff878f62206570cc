"""What the words of the columns SOURCE and TYPE mean here: two explicit tables (docs/api.md).

The left sides are our own words and those of case systems in use. A word that is in neither table
is refused with the list of known ones: a guess would falsify the statistics of a whole network.

A *site type* says what kind of site it is, never what the item is: it is kept as `found_via` and
leaves the kind open. Where SOURCE and TYPE both have something to keep, they are joined by a dot
(`helpwanted.site:forum`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from protocol.vocabulary import ItemKind, Source

if TYPE_CHECKING:
    from collections.abc import Mapping


class SourceMeaning(NamedTuple):
    """What a SOURCE word stands for; `found_via` keeps the finer word."""

    source: Source
    found_via: str | None = None


class TypeMeaning(NamedTuple):
    """What a TYPE word stands for: a kind, or a sort of site, or nothing known."""

    kind: ItemKind | None = None
    site: str | None = None


SOURCES: Final[Mapping[str, SourceMeaning]] = MappingProxyType(
    {str(source): SourceMeaning(source) for source in Source}
    | {
        "webform": SourceMeaning(Source.PUBLIC, "webform"),
        "helpwanted": SourceMeaning(Source.HELPLINE, "helpwanted"),
        "stopitnow": SourceMeaning(Source.HELPLINE, "stopitnow"),
        "analyst": SourceMeaning(Source.PROACTIVE, "analyst"),
        "iccam": SourceMeaning(Source.PARTNER, "iccam"),
    }
)

_SITE_TYPES: Final = (
    "website",
    "webpage",
    "filehost",
    "imagehost",
    "imagestore",
    "imageboard",
    "bannersite",
    "linksite",
    "socialsite",
    "redirector",
    "webarchived",
    "searchprovider",
    "blog",
    "forum",
)

TYPES: Final[Mapping[str, TypeMeaning]] = MappingProxyType(
    {str(kind): TypeMeaning(kind) for kind in ItemKind}
    | {
        "mainurl": TypeMeaning(ItemKind.PAGE),
        "screenshot": TypeMeaning(ItemKind.PAGE),
        "imageurl": TypeMeaning(ItemKind.IMAGE),
        "videourl": TypeMeaning(ItemKind.VIDEO),
        "unknownurl": TypeMeaning(),
        "notdetermined": TypeMeaning(),
        "notapplicable": TypeMeaning(),
    }
    | {site: TypeMeaning(site=site) for site in _SITE_TYPES}
)


def found_via(source: SourceMeaning, of_type: TypeMeaning) -> str | None:
    """Join what SOURCE and TYPE leave to say into one code."""
    parts = [source.found_via] if source.found_via else []
    if of_type.site:
        parts.append(f"site:{of_type.site}")
    return ".".join(parts) or None
