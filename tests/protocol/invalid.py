"""Writes `tests/vectors/invalid_v1.json`: bytes that everybody must refuse, and by which clause.

It imports nothing from `protocol`: each vector is made from the right ones of `protocol_v*.json` by
plain work on bytes and text, with the independent encoder. `python -m tests.protocol.invalid`
writes the file again; a test compares.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.protocol import oracle

VECTORS: Final = Path(__file__).resolve().parent.parent / "vectors"
FILE: Final = VECTORS / "invalid_v1.json"
V1: Final = json.loads((VECTORS / "protocol_v1.json").read_bytes())
V2: Final = json.loads((VECTORS / "protocol_v2.json").read_bytes())
_NEW: Final = (
    *("PeerMessage", "ItemV2", "Dispositions"),
    *("Disavow", "ContentVerdict", "ContentVerdictWithdrawn"),
)
LATER: Final = [one for one in V2["entries"] if one["name"] in _NEW]
EMPTY_ROOT: Final = hashlib.sha256().digest()
ENTRY_BYTES: Final = 65_536
ULID: Final = "01HQ3ZQX8W4R5T6Y7V8A9BCDEF"


class Invalid(NamedTuple):
    """One vector: the form its bytes claim, the clause and the code that refuse them."""

    name: str
    form: str
    clause: str
    code: str
    raw: bytes


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _outer(vector: dict[str, Any], body: Any, version: int | None = None) -> list[Any]:
    return [
        vector.get("version", 1) if version is None else version,
        vector["kind"],
        bytes.fromhex(vector["id"]),
        bytes.fromhex(vector["salt"]),
        body,
    ]


def _entry(name: str) -> dict[str, Any]:
    return next(one for one in V1["entries"] + V2["entries"] if one["name"] == name)


def _changed(name: str, place: int, value: Any) -> bytes:
    """An entry with another value at one place of its body."""
    vector = _entry(name)
    body = _plain(vector["body"])
    body[place] = value
    return oracle.pack(_outer(vector, body))


def encodings() -> Iterator[Invalid]:
    """Give the one right entry in forms that are not its canonical one (§4)."""
    vector = _entry("Tombstone 1")
    raw, parts = bytes.fromhex(vector["entry"]), _outer(vector, _plain(vector["body"]))
    rows: list[tuple[str, str, bytes]] = [
        ("nothing at all", "§4.2", b""),
        ("cut short", "§4.2", raw[:-1]),
        ("something after the value", "§4.2", raw + b"\xc0"),
        ("a version in two bytes", "§4.2", raw.replace(b"\x95\x01", b"\x95\xcc\x01", 1)),
        ("an array with a long header", "§4.2", b"\xdc\x00\x05" + raw[1:]),
        ("an id with a long header", "§4.2", raw.replace(b"\xc4\x20", b"\xc5\x00\x20", 1)),
        ("a map", "§4.1", oracle.pack({"version": 1})),
        ("a float", "§4.1", oracle.pack([1.0, *parts[1:]])),
        ("an extension type", "§4.1", b"\x95\xd4\x01\x00" + raw[2:]),
        ("text in the place of bytes", "§5.1", oracle.pack([*parts[:2], "x" * 32, *parts[3:]])),
        ("a field more", "§5.1", oracle.pack([*parts, None])),
        ("a field less", "§5.1", oracle.pack(parts[:-1])),
        ("an id of 31 bytes", "§5.1", oracle.pack([*parts[:2], bytes(31), *parts[3:]])),
        ("a salt of 17 bytes", "§5.1", oracle.pack([*parts[:3], bytes(17), parts[4]])),
        ("a kind below zero", "§5.1", oracle.pack([1, -1, *parts[2:]])),
        ("a header that promises too much", "§4.2", b"\x95\x01\x03\xc6\xff\xff\xff\xff"),
        ("nested too deeply", "§4.3", oracle.pack(parts[:4])[:0] + b"\x95" + oracle.pack(1)
         + oracle.pack(3) + oracle.pack(parts[2]) + oracle.pack(parts[3]) + b"\x91" * 40 + b"\xc0"),
    ]  # fmt: skip
    for name, clause, made in rows:
        yield Invalid(name, "entry", clause, "malformed", made)
    yield Invalid("an entry over the limit", "entry", "§5.2", "too_large", bytes(ENTRY_BYTES + 1))


def messages() -> Iterator[Invalid]:
    """Give bodies that break the bounds of their messages (§6)."""
    for vector in V1["entries"] + LATER:
        body, name = _plain(vector["body"]), vector["name"]
        for what, made in (("a field more", [*body, None]), ("a field less", body[:-1]),
                           ("a body that is no array", None)):  # fmt: skip
            raw = oracle.pack(_outer(vector, made))
            yield Invalid(f"{name}: {what}", "entry", "§6.1", "malformed", raw)
    rows: list[tuple[str, str, int, Any, str]] = [
        ("Item 1", "a member id in capitals", 14, "GB-IWF", "§6.2"),
        ("Item 1", "an id without its ULID", 0, "gb-iwf.", "§6.2"),
        ("Item 1", "an id with a ULID beyond its range", 0, f"gb-iwf.8{ULID[1:]}", "§3.3"),
        ("Item 1", "a number below zero", 2, -1, "§6.2"),
        ("Item 1", "a number over 2^53 - 1", 2, 1 << 53, "§6.2"),
        ("Item 1", "a time after the year 9999", 11, 253_402_300_800_000, "§3.4"),
        ("Item 1", "an unknown word", 3, "gossip", "§6.5"),
        ("Item 1", "a code in capitals", 9, "Search", "§6.2"),
        ("Item 1", "neither location nor content", 6, [], "§6.4"),
        ("Item 1", "no custody", 15, [], "§6.4"),
        ("Item 1", "custody that begins elsewhere", 14, "nl-eokm", "§6.4"),
        ("Item 1", "a number in the place of true", 13, 1, "§6.4"),
        ("Withdrawal 1", "empty text for unknown", 1, "", "§6.1"),
        ("DispositionNote 1", "an unknown word", 5, "perhaps", "§6.5"),
        ("PeerMessage", "a control character", 2, "one\u0085two", "§6.4"),
        ("Contents 1", "an empty list", 3, [], "§6.4"),
        ("Tombstone 1", "a leaf of 31 bytes", 2, bytes(31), "§6.4"),
        ("EpochOpen 1", "a size without a predecessor", 1, 3, "§8.3"),
        ("EpochOpen 1", "a root without a predecessor", 2, bytes(32), "§6.4"),
        ("EpochOpen 2", "a predecessor without its root", 2, EMPTY_ROOT, "§6.4"),
        ("Disavow", "an epoch of 7 bytes", 0, bytes(7), "§6.4"),
        ("Disavow", "a range that is empty", 3, 3, "§6.4"),
        ("Disavow", "a range that ends before it starts", 1, 8, "§6.4"),
        ("Disavow", "a start without its root", 2, EMPTY_ROOT, "§6.4"),
        ("Disavow", "a root without its start", 1, 0, "§6.4"),
        ("Disavow", "no root at its end", 4, None, "§6.4"),
        ("ContentVerdict", "a seventeenth file", 1, 16, "§6.6"),
        ("ContentVerdict", "no file", 2, None, "§6.6"),
        ("ContentVerdict", "no hash", 2, [None, None, None, 1, None, None], "§6.3"),
        (
            "ContentVerdict",
            "nothing said of a file",
            0,
            [f"gb-iwf.{ULID}", "gb-iwf", "unassessable", None, [], "paywall", 1],
            "§6.6",
        ),
        ("ContentVerdictWithdrawn", "an id without its ULID", 0, "gb-iwf.", "§6.2"),
    ]
    for name, what, place, value, clause in rows:
        made = _changed(name, place, value)
        if what.startswith("neither"):
            vector = _entry(name)
            body = _plain(vector["body"])
            body[5], body[6] = [None, 1, None, None, None], []
            made = oracle.pack(_outer(vector, body))
        yield Invalid(f"{name}: {what}", "entry", clause, "malformed", made)


def _id(member: str) -> str:
    return f"{member}.{ULID}"


NOW: Final = 1_767_225_600_000
SHA256: Final = b"\1" * 32
URL: Final = "https://a.example/"
BARE: Final = [None] * 6
HOP: Final = ["gb-iwf", NOW]
LINE: Final = ["192.0.2.7", "demo-countries", "2026-01-01", "NL"]
SEEN: Final = [_id("nl-eokm"), "nl-eokm", "public", NOW]
GIVEN: Final[list[Any]] = [_id("nl-eokm"), "nl-eokm", "baseline", None, [], None, NOW]
DONE: Final = [_id("nl-eokm"), "nl-eokm", "removed", None, NOW]
WENT: Final = ["fr-pdc", "FR", [LINE]]


def _put(row: list[Any], place: int, value: Any) -> list[Any]:
    return [*row[:place], value, *row[place + 1 :]]


def parts() -> Iterator[Invalid]:
    """Give items whose parts say what no part says (§6.2, §6.3)."""
    rows: list[tuple[str, int, Any, str]] = [
        ("a service without an account", 5, [URL, 1, URL, "chat", None], "§6.3"),
        ("an account without its service", 5, [URL, 1, URL, None, "somebody"], "§6.3"),
        ("a raw form without a canonical one", 5, [None, 1, URL, None, None], "§6.3"),
        ("a canonical form that is not ASCII", 5, [f"{URL}\u00e4", 1, None, None, None], "§6.2"),
        ("a raw form of 8,193 bytes", 5, [URL, 1, "\u00e4" * 4096 + "x", None, None], "§6.2"),
        ("a text with U+0000", 5, [URL, 1, f"{URL}\0", None, None], "§4.1"),
        ("a location with a field more", 5, [URL, 1, URL, None, None, None], "§6.1"),
        ("no hash", 6, [[None, None, None, 7, None, None]], "§6.3"),
        ("a hash of 31 bytes", 6, [_put(BARE, 0, SHA256[1:])], "§6.3"),
        ("a PDQ hash without its quality", 6, [_put(BARE, 4, SHA256)], "§6.3"),
        ("a quality without its PDQ hash", 6, [[SHA256, None, None, None, None, 80]], "§6.3"),
        ("a quality over 100", 6, [[None, None, None, None, SHA256, 101]], "§6.3"),
        ("five files", 6, [_put(BARE, 0, bytes((n,)) * 32) for n in range(5)], "§6.4"),
        ("an access that says nothing", 7, BARE, "§6.3"),
        ("an access of 8,194 bytes", 7, ["\u00e4" * 4096, "xx", *BARE[2:]], "§6.2"),
        ("a vantage UK", 7, [URL, None, None, None, "UK", None], "§6.2"),
        ("thirty-three members", 15, [HOP] * 33, "§6.4"),
        ("a country where none was found", 16, ["none", "NL", "high", []], "§6.3"),
        ("a country without its name", 16, ["country", None, "high", []], "§6.3"),
        ("a country in small letters", 16, ["country", "nl", "high", []], "§6.2"),
        ("twenty-five lines of evidence", 16, ["country", "NL", "high", [LINE] * 25], "§6.3"),
        ("a line of 385 bytes", 16, ["country", "NL", "high", [["x" * 256, "y" * 128, "z", None]]],
         "§6.2"),
        ("national without a law", 17, [_put(GIVEN, 2, "national")], "§6.3"),
        ("a law that is not national", 17, [_put(GIVEN, 3, "gb-poca-1978")], "§6.3"),
        ("unassessable without a reason", 17, [_put(GIVEN, 2, "unassessable")], "§6.3"),
        ("seventeen labels", 17, [_put(GIVEN, 4, ["a"] * 17)], "§6.3"),
        ("thirteen assessments", 17, [GIVEN] * 13, "§6.4"),
        ("forty-nine actions", 18, [DONE] * 49, "§6.4"),
        ("an unknown action", 18, [_put(DONE, 2, "forgotten")], "§6.5"),
        ("forty-nine sightings", 19, [SEEN] * 49, "§6.4"),
    ]  # fmt: skip
    for name, place, value, clause in rows:
        made = _changed("Item 1", place, value)
        yield Invalid(f"Item 1: {name}", "entry", clause, "malformed", made)


def words() -> Iterator[Invalid]:
    """Give messages that say nothing, too much, or another thing than they claim (§6.4)."""
    rows: list[tuple[str, str, int, Any, str]] = [
        ("RegistrySeen 1", "a hash of 31 bytes", 2, bytes(31), "§6.4"),
        ("RegistrySeen 1", "a version below zero", 1, -1, "§6.2"),
        ("Sighted 1", "nothing", 1, None, "§6.4"),
        ("Sighted 2", "an access that says nothing", 3, BARE, "§6.3"),
        ("DispositionNote 1", "an unknown lane", 0, "gossip", "§6.5"),
        ("DispositionNote 1", "an epoch of 7 bytes", 1, bytes(7), "§6.4"),
        ("Outcome 1", "no payload", 4, None, "§6.4"),
        ("Outcome 1", "two payloads", 5, DONE, "§6.4"),
        ("Outcome 1", "the payload of something else", 3, "acted", "§6.4"),
        ("Outcome 1", "a payload where there is none", 3, "erased", "§6.4"),
        ("Outcome 2", "two payloads", 4, GIVEN, "§6.4"),
        ("Outcome 2", "an unknown word", 3, "lost", "§6.5"),
        ("Withdrawal 1", "a time below zero", 2, -1, "§3.4"),
        ("PeerMessage", "no text", 2, "", "§6.4"),
        ("PeerMessage", "2,001 characters", 2, "x" * 2001, "§6.4"),
        ("PeerMessage", "an id of nobody's", 1, ULID, "§3.3"),
        ("ItemV2", "a time after the year 9999", 20, 253_402_300_800_000, "§3.4"),
        ("ItemV2", "custody that begins elsewhere", 14, "nl-eokm", "§6.4"),
        ("Contents 1", "257 files", 3, [[[SHA256, *BARE[1:]], *GIVEN[1:5]]] * 257, "§6.4"),
        ("ContentVerdict", "national without a law", 0, _put(GIVEN, 2, "national"), "§6.3"),
        ("ContentVerdictWithdrawn", "a time after the year 9999", 1, 253_402_300_800_000, "§3.4"),
    ]
    for name, what, place, value, clause in rows:
        made = _changed(name, place, value)
        yield Invalid(f"{name}: {what}", "entry", clause, "malformed", made)
    for name, version in (("Item 1", 2), ("ItemV2", 1)):
        vector = _entry(name)
        made = oracle.pack(_outer(vector, _plain(vector["body"]), version))
        yield Invalid(f"{name}: as version {version}", "entry", "§13", "malformed", made)


def crowds() -> Iterator[Invalid]:
    """Give answers to several entries that nobody gives (§6.4, §10.4)."""
    first, second = _plain(_entry("Dispositions")["body"])[5]
    rows: list[tuple[str, int, Any, str]] = [
        ("nothing cited", 5, [], "§6.4"),
        ("a place twice", 5, [first, first], "§6.4"),
        ("not in the order of the log", 5, [second, first], "§6.4"),
        ("more than a thousand", 5, [[n, bytes(32)] for n in range(1001)], "§6.4"),
        ("a leaf of 31 bytes", 5, [[7, bytes(31)]], "§6.3"),
        ("a citation with a field more", 5, [[*first, None]], "§6.3"),
        ("a word that is followed by another", 2, "unknown_kind", "§6.4"),
        ("a word with a reason", 2, "malformed", "§6.4"),
        ("a refusal", 2, "not_here", "§6.4"),
        ("no word", 2, None, "§6.4"),
    ]
    for what, place, value, clause in rows:
        made = _changed("Dispositions", place, value)
        yield Invalid(f"Dispositions: {what}", "entry", clause, "malformed", made)


def checkpoints() -> Iterator[Invalid]:
    """Give notes that are no checkpoint of the sender's (§8.2, §8.4)."""
    note: str = V1["checkpoint"]["note"]
    text, _, lines = note.rpartition("\n\n")
    origin, size, root = text.split("\n")
    first, second = lines.splitlines()
    head, _, encoded = first.rpartition(" ")
    signature = bytearray(base64.b64decode(encoded))
    signature[-1] ^= 1
    broken = f"{head} {base64.b64encode(signature).decode()}"

    def of(said: str, *signed: str) -> bytes:
        return (said + "\n\n" + "".join(line + "\n" for line in signed)).encode()

    rows: list[tuple[str, str, str, bytes]] = [
        ("the post-quantum line stripped", "§8.4", "note_invalid", of(text, first)),
        ("the Ed25519 line stripped", "§8.4", "note_invalid", of(text, second)),
        ("one line twice", "§8.4", "note_invalid", of(text, first, first, second)),
        ("a broken line beside a good one", "§8.4", "note_invalid", of(text, broken, second)),
        ("no line at all", "§8.4", "note_invalid", (text + "\n\n").encode()),
        ("a changed size", "§8.4", "note_invalid", of(f"{origin}\n1\n{root}", first, second)),
        ("carriage returns", "§8.4", "note_invalid", note.replace("\n", "\r\n").encode()),
        ("a control character", "§8.4", "note_invalid", b"\x00" + note.encode()),
        ("not UTF-8", "§8.4", "note_invalid", b"\xff" + note.encode()),
        ("base64 that is not canonical", "§8.4", "note_invalid",
         of(text, first.rstrip("=") + "=" * (first.count("=") + 1), second)),
        ("a name with a space that is not ASCII's", "§8.4", "note_invalid",
         of(text, first, second, "\u2014 one\u00a0two AAAAAAAA")),
        ("seventeen signatures", "§8.4", "too_large", of(text, *[first] * 17)),
        ("an extension line", "§8.2", "checkpoint_invalid", of(text + "\nmore", first, second)),
        ("a size with a leading zero", "§8.2", "checkpoint_invalid",
         of(f"{origin}\n0{size}\n{root}", first, second)),
        ("an empty tree with another root", "§8.2", "checkpoint_invalid",
         of(f"{origin}\n0\n{root}", first, second)),
        ("a root of another length", "§8.2", "checkpoint_invalid",
         of(f"{origin}\n{size}\nAAAA", first, second)),
        ("an origin of another version", "§8.2", "checkpoint_invalid",
         of(f"{origin.replace('hx1/', 'hx2/')}\n{size}\n{root}", first, second)),
        ("a network with a name of 65 characters", "§3.2", "checkpoint_invalid",
         of(f"{origin.replace('/demo-', '/' + 65 * 'a' + '-')}\n{size}\n{root}", first, second)),
        ("an origin with an unknown lane", "§8.2", "checkpoint_invalid",
         of(f"{origin.replace('/reports/', '/gossip/')}\n{size}\n{root}", first, second)),
    ]  # fmt: skip
    for name, clause, code, raw in rows:
        yield Invalid(name, "checkpoint", clause, code, raw)


def receipts() -> Iterator[Invalid]:
    """Give notes that are no receipt for the checkpoint of version 1 (§8.6)."""
    note: str = V1["receipt"]["note"]
    text, _, lines = note.rpartition("\n\n")
    first, second = lines.splitlines()
    origin, size, _ = text.split("\n")
    for name, code, signed in (
        ("half of it", "receipt_invalid", [first]),
        ("the other half of it", "receipt_invalid", [second]),
        ("one line twice", "note_invalid", [first, first, second]),
    ):
        raw = (text + "\n\n" + "".join(line + "\n" for line in signed)).encode()
        yield Invalid(name, "receipt", "§8.6", code, raw)
    other = note.replace(f"{origin}\n{size}\n", f"{origin}\n{int(size) - 1}\n").encode()
    yield Invalid("for another size", "receipt", "§8.6", "receipt_invalid", other)
    sent = V1["checkpoint"]["note"].encode()
    yield Invalid("the sender's own note", "receipt", "§8.6", "registry_behind", sent)


def frames() -> Iterator[Invalid]:
    """Give frames and heads that no sender makes (§8.7)."""
    said = bytes.fromhex(V1["frame"]["bytes_before_padding"])
    length = V1["frame"]["length"]
    right = said.ljust(length, b"\0")
    rows: list[tuple[str, str, bytes]] = [
        ("not the length of a bucket", "malformed", right + b"\0"),
        ("a larger bucket than needed", "malformed", said.ljust(4 * length, b"\0")),
        ("padding that is not zero", "malformed", right[:-1] + b"\1"),
        ("no entry", "too_large", bytes(length)),
        ("more entries than allowed", "too_large", (1001).to_bytes(4, "big") + right[4:]),
        ("an empty entry", "too_large", right[:4] + bytes(4) + right[8:]),
        ("an entry that runs over the end", "too_large", right[:4] + b"\xff" * 4 + right[8:]),
    ]  # fmt: skip
    for name, code, raw in rows:
        yield Invalid(name, "frame", "§8.7", code, raw)
    prefix = b"\0\1" + bytes(8)
    for name, code, raw in (
        ("a head cut short", "malformed", prefix + b"\0\0\0\5abcd"),
        ("a head without its prefix", "malformed", prefix[:9]),
        ("a suite that nobody speaks", "malformed", b"\0\2" + bytes(8) + b"\0\0\0\1x"),
        ("a note without end", "too_large", prefix + b"\xff\xff\xff\xff"),
    ):
        yield Invalid(name, "head", "§8.7", code, raw)


def answers() -> Iterator[Invalid]:
    """Give answers that are none (§9.1)."""
    raw, value = bytes.fromhex(V1["answer"]["bytes"]), _plain(V1["answer"]["value"])
    rows: list[tuple[str, str, bytes]] = [
        ("cut short", "malformed", raw[:-1]),
        ("something after it", "malformed", raw + b"\0"),
        ("another version", "malformed", oracle.pack([2, *value[1:]])),
        ("an unknown code", "malformed", oracle.pack([1, "maybe", None, None])),
        ("a state that is not told", "malformed", oracle.pack([1, "state", None, bytes(16)])),
        ("a nonce of 15 bytes", "malformed", oracle.pack([1, "busy", None, bytes(15)])),
        ("a field more", "malformed", oracle.pack([*value, None])),
        ("over the limit", "too_large", bytes(65_537)),
    ]
    for name, code, made in rows:
        yield Invalid(name, "answer", "§9.1", code, made)


PARTS: Final[tuple[Callable[[], Iterator[Invalid]], ...]] = (
    encodings, messages, parts, words, crowds, checkpoints, receipts, frames, answers,
)  # fmt: skip


def written() -> str:
    """Give the text of the file: bytes in base64, and how many zero bytes follow them."""
    rows = []
    for one in (one for part in PARTS for one in part()):
        begin = one.raw.rstrip(b"\0")
        said = {"raw": base64.b64encode(begin).decode(), "zeros": len(one.raw) - len(begin)}
        rows.append({**one._asdict(), **said})
    source = "our own, version 1: what must be refused; written by tests/protocol/invalid.py"
    return json.dumps({"source": source, "tests": rows}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
