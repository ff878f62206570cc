"""Reading and writing the JSON documents of the registry: strict, canonical, naming the field.

Canonical form: UTF-8, members of an object sorted by code point, no insignificant spaces, no
floats. One value has exactly one encoding, so that a document cannot have two hashes. `Fields`
takes the known fields out of an object one by one and keeps the rest: a later version may add
fields, and a node that does not know them hands them on unchanged.
"""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar

from keys.errors import UntrustedDocumentError

_T = TypeVar("_T")
_Text = TypeVar("_Text", bound=str)

MAX_DOCUMENT_BYTES: Final = 1_048_576
MAX_INTEGER: Final = 2**53 - 1
_MAX_NAME: Final = 64
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_FIELD: Final = re.compile(r"[A-Za-z0-9_]{1,32}")


def parse(raw: bytes, where: str) -> "Fields":
    """Parse a canonical JSON object.

    Args:
        raw: the document, as received and already verified.
        where: what to call it in errors, such as `member document`.

    Raises:
        UntrustedDocumentError: too large, not JSON, not an object, or not in canonical form.
    """
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise UntrustedDocumentError(f"{where}: larger than {MAX_DOCUMENT_BYTES} bytes")
    try:
        value = json.loads(raw, parse_float=_no_number)
        canonical = serialise(value)
    except (ValueError, RecursionError):
        raise UntrustedDocumentError(f"{where}: is not JSON without floats") from None
    if canonical != raw:
        raise UntrustedDocumentError(
            f"{where}: is not canonical JSON (sorted unique fields, no spaces); write it again"
        )
    return Fields(value, "", where)


def serialise(value: object) -> bytes:
    """The canonical JSON of plain values (objects, lists, text, integers, booleans, null)."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def encode_bytes(value: bytes) -> str:
    """Bytes as they stand in documents: padded standard base64."""
    return b64encode(value).decode()


def decode_bytes(value: object, where: str) -> bytes:
    """Read what `encode_bytes` wrote, and no other spelling of it.

    Raises:
        UntrustedDocumentError: not text, or not canonical base64.
    """
    if not isinstance(value, str):
        raise UntrustedDocumentError(f"{where}: needs base64 text")
    try:
        raw = b64decode(value, validate=True)
    except (Base64Error, ValueError):
        raise UntrustedDocumentError(f"{where}: is not base64") from None
    if encode_bytes(raw) != value:
        raise UntrustedDocumentError(f"{where}: is not canonical base64")
    return raw


def check_name(value: str, where: str) -> str:
    """A member id or network name: lower-case letters and digits, joined by single hyphens.

    Raises:
        UntrustedDocumentError: another form, or longer than 64 characters.
    """
    if len(value) > _MAX_NAME or not _NAME.fullmatch(value):
        raise UntrustedDocumentError(
            f"{where}: needs lower-case letters and digits joined by hyphens, such as gb-iwf"
        )
    return value


def check_country(value: str, where: str) -> str:
    """An ISO 3166-1 alpha-2 code in upper case (its existence is not judged here).

    Raises:
        UntrustedDocumentError: another form.
    """
    if not _COUNTRY.fullmatch(value):
        raise UntrustedDocumentError(f"{where}: needs an ISO 3166-1 alpha-2 code, such as NL")
    return value


def safe_name(name: str) -> str:
    """A field's name fit for a message: what somebody else wrote is shown only if it is plain."""
    return name if _FIELD.fullmatch(name) else "(odd name)"


class Fields:
    """The fields of one JSON object; each is taken once, what remains is `rest()`.

    Every method raises `UntrustedDocumentError`, naming the field by its path, when the field is
    absent or of another type.
    """

    def __init__(self, value: object, path: str, where: str) -> None:
        self._path = path
        self._where = where
        if not isinstance(value, dict):
            self._refuse(path, "needs an object")
        self._values: dict[str, Any] = dict(value)

    def path(self, name: str) -> str:
        """The full name of a field, for messages."""
        return ".".join(part for part in (self._path, name) if part)

    def has(self, name: str) -> bool:
        """Whether the field is there and not yet taken."""
        return name in self._values

    def constant(self, name: str, expected: str) -> None:
        """A field that must hold one given text."""
        if self._take(name) != expected:
            self._refuse(self.path(name), f"needs to be {expected}")

    def text(self, name: str) -> str:
        """A text."""
        return self._typed(name, str, "needs text")

    def optional_text(self, name: str) -> str | None:
        """A text, or null."""
        value = self._take(name)
        if value is not None and not isinstance(value, str):
            self._refuse(self.path(name), "needs text or null")
        return value

    def choice(self, name: str, allowed: tuple[_Text, ...]) -> _Text:
        """One of a closed list of texts."""
        return self._chosen(self._take(name), self.path(name), allowed)

    def choices(self, name: str, allowed: tuple[_Text, ...]) -> tuple[_Text, ...]:
        """A list of distinct texts, each from a closed list."""
        return tuple(
            self._chosen(value, f"{self.path(name)}[{index}]", allowed)
            for index, value in enumerate(self.texts(name))
        )

    def boolean(self, name: str) -> bool:
        """True or false."""
        return self._typed(name, bool, "needs true or false")

    def integer(self, name: str, minimum: int = 0) -> int:
        """An integer from `minimum` to 2**53 - 1 (what every JSON reader keeps exactly)."""
        value = self._take(name)
        if type(value) is not int or not minimum <= value <= MAX_INTEGER:
            self._refuse(self.path(name), f"needs an integer from {minimum} to 2**53 - 1")
        return int(value)

    def octets(self, name: str) -> bytes:
        """Bytes, in base64."""
        return decode_bytes(self._take(name), f"{self._where}: {self.path(name)}")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of distinct texts."""
        values = self._list(name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self._refuse(f"{self.path(name)}[{index}]", "needs text")
        if len(set(values)) != len(values):
            self._refuse(self.path(name), "has a repeated value; keep one")
        return tuple(values)

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of distinct non-negative integers."""
        values = self._list(name)
        for index, value in enumerate(values):
            if type(value) is not int or not 0 <= value <= MAX_INTEGER:
                self._refuse(f"{self.path(name)}[{index}]", "needs a non-negative integer")
        if len(set(values)) != len(values):
            self._refuse(self.path(name), "has a repeated value; keep one")
        return tuple(values)

    def child(self, name: str) -> "Fields":
        """An object."""
        return Fields(self._take(name), self.path(name), self._where)

    def children(self, name: str) -> list["Fields"]:
        """A list of objects."""
        return [
            Fields(value, f"{self.path(name)}[{index}]", self._where)
            for index, value in enumerate(self._list(name))
        ]

    def names(self) -> Iterator[str]:
        """The names of the fields not yet taken, in document order."""
        return iter(tuple(self._values))

    def rest(self) -> Mapping[str, Any]:
        """The fields that nobody took."""
        return dict(self._values)

    def done(self) -> None:
        """Refuse any field that nobody took."""
        for name in self._values:
            self._refuse(self.path(safe_name(name)), "unknown field; remove it")

    def refuse(self, name: str, reason: str) -> NoReturn:
        """Refuse the document because of one field."""
        self._refuse(self.path(name), reason)

    def label(self, name: str) -> str:
        """The document and the full name of a field, for checks outside this class."""
        return f"{self._where}: {self.path(name)}"

    def _take(self, name: str) -> Any:
        if name not in self._values:
            self._refuse(self.path(name), "is missing")
        return self._values.pop(name)

    def _typed(self, name: str, kind: type[_T], reason: str) -> _T:
        value = self._take(name)
        if not isinstance(value, kind):
            self._refuse(self.path(name), reason)
        return value

    def _chosen(self, value: object, path: str, allowed: tuple[_Text, ...]) -> _Text:
        chosen = next((text for text in allowed if text == value), None)
        if chosen is None:
            self._refuse(path, f"needs one of {', '.join(allowed)}")
        return chosen

    def _list(self, name: str) -> list[Any]:
        value = self._take(name)
        if not isinstance(value, list):
            self._refuse(self.path(name), "needs a list")
        return value

    def _refuse(self, path: str, reason: str) -> NoReturn:
        subject = f"{self._where}: {path}" if path else self._where
        raise UntrustedDocumentError(f"{subject}: {reason}")


def _no_number(_text: str) -> NoReturn:
    raise ValueError
