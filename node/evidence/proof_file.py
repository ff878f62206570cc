"""What files of evidence have in common: bytes in base64, and the registry that they bring."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from keys.errors import KeysError
from keys.registry import Registry, verify_chain
from node.evidence.errors import BrokenBundleError

File = TypeVar("File")


class _Kind(msgspec.Struct):
    type: str = ""


def type_of(raw: bytes) -> str:
    """Return what a file says that it is, empty: nothing; nothing of it is believed."""
    try:
        return msgspec.json.decode(raw, type=_Kind).type
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""


def read_file(raw: bytes, kind: type[File]) -> File:
    """Return what a file of evidence holds; of two readers each must read the same out of it.

    So it is UTF-8, and no object has a field twice, of which one would take the first and another
    the last. Nothing of it is believed.

    Raises:
        msgspec.DecodeError: it is not of that kind; the error names the field.
        UnicodeError, RecursionError: it is no text, or nested too deep.
    """
    try:
        json.loads(raw.decode(), object_pairs_hook=_fields)
    except UnicodeError:
        raise
    except ValueError as error:
        raise msgspec.DecodeError(f"not JSON, or a field stands there twice: {error}") from None
    return msgspec.json.decode(raw, type=kind)


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field stands there twice")
    return fields


def bytes_of(text: str, place: str) -> bytes:
    """Return what base64 in its one spelling holds.

    Raises:
        BrokenBundleError: anything else, at `place`.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BrokenBundleError("1", place, "must be base64") from None
    if base64.b64encode(raw).decode() != text:
        raise BrokenBundleError("1", place, "must be base64 in its one spelling")
    return raw


def registry_of(files: Mapping[str, str], network: str, root_sha256: bytes) -> Registry:
    """Return the registry in a file, verified from the pinned first root (step 2).

    Raises:
        BrokenBundleError: it does not verify, or is of another network than the file names.
    """
    raw_files = {name: bytes_of(text, f"registry.{name}") for name, text in files.items()}
    try:
        registry = verify_chain(root_sha256, raw_files, None)
    except (KeysError, ValueError):
        raise BrokenBundleError("2", "registry", "does not verify from the pinned root") from None
    if registry.network_id != network:
        raise BrokenBundleError("2", "network", "is not the network of the pinned root")
    return registry
