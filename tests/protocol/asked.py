"""Writes `tests/vectors/signed_v1.json`: requests without a body, their answers, and refusals.

It imports nothing from `protocol`, `keys` or `node`: hashlib and `cryptography` alone, the encoder
of `oracle.py`, and what `protocol_v1.json` has already. Nothing in it is random:
`python -m tests.protocol.asked` writes the same bytes each time.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.protocol.oracle import pack
from tests.protocol.wired import CREATED_S, NONCE, V1, VECTORS, digest, key_id

FILE: Final = VECTORS / "signed_v1.json"
ASKER, GIVER = "gb-iwf", "nl-eokm"
AUTHORITY: Final = "nl-eokm.example:8441"
SEEDS: Final = {ASKER: b"\x62" * 32, GIVER: b"\x63" * 32}
UNHEARD: Final = b"\x64" * 32
QUESTION: Final = f"/hx1/channels/{ASKER}/reports?nonce={bytes(range(16, 32)).hex()}"
REFUSAL: Final = "application/hx1-refusal"
ONCE: Final = f'nonce="{NONCE}"'

Lines = list[tuple[str, str]]
Made = dict[str, Any]


class Way(NamedTuple):
    """How a signature is spelled, other than as usual.

    `drop`: components that it does not cover. `more`: those that it covers besides. `order`: of its
    components, 1 or -1. `rest`: its parameters. `says`: whose key it names. `seed`: the key.
    """

    drop: tuple[str, ...] = ()
    more: tuple[tuple[str, str], ...] = ()
    order: int = 1
    label: str = "hx1"
    rest: tuple[str, ...] | None = None
    says: str | None = None
    seed: bytes | None = None


PLAIN: Final = Way()


def sign(lines: Lines, member: str, rest: tuple[str, ...], way: Way) -> Made:
    """Sign the lines of a signature base (RFC 9421 section 2.5)."""
    private = Ed25519PrivateKey.from_private_bytes(way.seed or SEEDS[member])
    public = private.public_key().public_bytes_raw()
    lines = [*(one for one in lines if one[0] not in way.drop), *way.more][:: way.order]
    keyid = f'keyid="{way.says or member}/{key_id(public)}"'
    parameters = ";".join(
        (f"({' '.join(name for name, _ in lines)})", *(way.rest or rest)[:: way.order])
    ).replace("KEYID", keyid)
    base = "".join(f"{name}: {value}\n" for name, value in lines)
    base += f'"@signature-params": {parameters}'
    signature = base64.b64encode(private.sign(base.encode())).decode()
    headers = {
        "Signature-Input": f"{way.label}={parameters}",
        "Signature": f"{way.label}=:{signature}:",
    }
    return {"base": base, "headers": headers}


def usual(tag: str, *more: str) -> tuple[str, ...]:
    """The parameters of a signature."""
    return (f"created={CREATED_S}", "KEYID", 'alg="ed25519"', *more, f'tag="{tag}"')


def get(target: str, way: Way = PLAIN, body: bytes = b"") -> Made:
    """Sign a request without a body (§9.4.2); `body`: what its digest is of."""
    path, asks, query = target.partition("?")
    lines = [
        ('"@method"', "GET"),
        ('"@authority"', AUTHORITY),
        ('"@path"', path),
        ('"@query"', f"?{query}"),
        ('"content-digest"', digest(body)),
    ]
    made = sign(lines, ASKER, usual("hx1-req", ONCE), way)
    made["headers"] = {"Content-Digest": digest(body)} | made["headers"]
    url = f"https://{AUTHORITY}{path}{asks}{query}"
    return {"member": ASKER, "method": "GET", "url": url} | made


def given(asked: Made, status: int, kind: str, body: bytes, way: Way = PLAIN) -> Made:
    """Sign an answer to a request (§9.4.3)."""
    headers = {"Content-Digest": digest(body), "Content-Type": kind}
    path = asked["url"].removeprefix(f"https://{AUTHORITY}").partition("?")[0]
    lines = [
        ('"@status"', str(status)),
        *((f'"{name.lower()}"', value) for name, value in headers.items()),
        ('"@method";req', asked["method"]),
        ('"@path";req', path),
        ('"signature";req', asked["headers"]["Signature"]),
    ]
    made = sign(lines, way.says or GIVER, usual("hx1-resp"), way)
    made["headers"] = headers | made["headers"]
    text = base64.b64encode(body).decode()
    return {"member": GIVER, "status": status, "body": text} | made


def refused(asked: Made, status: int, code: str, way: Way = PLAIN) -> Made:
    """Sign a refusal (§9.6)."""
    return given(asked, status, REFUSAL, code.encode(), way)


def state() -> bytes:
    """Tell the state of the channel of `protocol_v1.json`, as the question asks for it (§9.1)."""
    at = V1["checkpoint"]
    position = [bytes.fromhex(at["origin"].rpartition("/")[2]), at["size"]]
    told = [[*position, bytes.fromhex(V1["roots"][-1])], at["note"].encode(), []]
    return pack([1, "state", told, bytes(range(16, 32))])


ASKED: Final = get(QUESTION)
NOWHERE: Final = get("/hx1/nothing")
FORGED: Final = get(QUESTION, Way(seed=UNHEARD))


def right() -> list[Made]:
    """What everybody reads."""
    turned = get(QUESTION, Way(order=-1, label="sig1"))
    bare = get(f"/hx1/channels/{ASKER}/reports")
    hello = get("/hx1/hello")
    kind = "application/hx1-answer"
    return [
        {
            "name": "a question, and the state that is told",
            "request": ASKED,
            "answer": given(ASKED, 200, kind, state()),
        },
        {
            "name": "order and label mean nothing (§9.4.4)",
            "request": turned,
            "answer": given(turned, 200, kind, state(), Way(order=-1, label="a")),
        },
        {
            "name": "refused: no such path",
            "request": NOWHERE,
            "answer": refused(NOWHERE, 404, "unknown_path"),
        },
        {
            "name": "refused: a question without its nonce",
            "request": bare,
            "answer": refused(bare, 400, "bad_question"),
        },
        {
            "name": "refused: too many requests",
            "request": hello,
            "answer": refused(hello, 429, "over_quota"),
        },
    ]


def _without(made: Made, *names: str) -> Made:
    headers = {name: value for name, value in made["headers"].items() if name not in names}
    return made | {"headers": headers}


def _elsewhere(made: Made, **change: Any) -> Made:
    return made | change


def _parameters(*parts: str) -> Way:
    return Way(rest=parts)


def wrong_requests() -> list[Made]:
    """What everybody must refuse, and the code that does."""
    bad, unsigned = "bad_signature", "unsigned_request"
    created, algorithm, tag = f"created={CREATED_S}", 'alg="ed25519"', 'tag="hx1-req"'
    url = ASKED["url"]
    other = Way(seed=SEEDS[GIVER])
    found: list[tuple[str, str, Made]] = [
        ("no signature", unsigned, _without(ASKED, "Signature", "Signature-Input")),
        ("a signature that says nothing of itself", unsigned, _without(ASKED, "Signature-Input")),
        ("no digest, and none covered", bad, _bare()),
        ("the digest of something", "altered_body", get(QUESTION, body=b"something")),
        ("another method", bad, _elsewhere(ASKED, method="PUT")),
        ("another query", bad, _elsewhere(ASKED, url=url[:-1] + "0")),
        ("without the query", bad, _elsewhere(ASKED, url=url.partition("?")[0])),
        ("another lane", bad, _elsewhere(ASKED, url=url.replace("reports", "status"))),
        ("for another member", bad, _elsewhere(ASKED, url=url.replace(GIVER, "fr-pdc"))),
        ("the query is not covered", bad, get(QUESTION, Way(drop=('"@query"',)))),
        ("the authority is not covered", bad, get(QUESTION, Way(drop=('"@authority"',)))),
        ("more is covered", bad, get(QUESTION, Way(more=(('"@scheme"', "https"),)))),
        ("the tag of an answer", bad, get(QUESTION, Way(rest=usual("hx1-resp", ONCE)))),
        ("no nonce", unsigned, get(QUESTION, Way(rest=usual("hx1-req")))),
        (
            "a nonce in upper case",
            unsigned,
            get(QUESTION, Way(rest=usual("hx1-req", f'nonce="{NONCE.upper()}"'))),
        ),
        (
            "one parameter more",
            unsigned,
            get(QUESTION, Way(rest=usual("hx1-req", ONCE, f"expires={CREATED_S + 60}"))),
        ),
        ("no alg", unsigned, get(QUESTION, _parameters(created, "KEYID", ONCE, tag))),
        ("no time", unsigned, get(QUESTION, _parameters("KEYID", algorithm, ONCE, tag))),
        ("a key that nobody lists", "registry_behind", FORGED),
        ("another member's key under the caller's name", "registry_behind", get(QUESTION, other)),
    ]
    return [{"name": name, "code": code, "request": made} for name, code, made in found]


def _bare() -> Made:
    made = get(QUESTION, Way(drop=('"content-digest"',)))
    return _without(made, "Content-Digest")


def wrong_answers() -> list[Made]:
    """What the caller must not believe: it makes its request again (§9.4.5)."""
    unsigned, wrong = "answer_unsigned", "answer_invalid"
    refusal = refused(NOWHERE, 404, "unknown_path")
    quota = base64.b64encode(b"over_quota").decode()
    found: list[tuple[str, str, Made]] = [
        ("no signature", unsigned, _without(refusal, "Signature", "Signature-Input")),
        ("another status", wrong, _elsewhere(refusal, status=429)),
        ("another code", wrong, _elsewhere(refusal, body=quota)),
        ("the refusal of another request", wrong, refused(ASKED, 404, "unknown_path")),
        ("of the caller itself", wrong, refused(NOWHERE, 404, "unknown_path", Way(says=ASKER))),
        (
            "the request is not covered",
            wrong,
            refused(NOWHERE, 404, "unknown_path", Way(drop=('"signature";req',))),
        ),
        (
            "the status is not covered",
            wrong,
            refused(NOWHERE, 404, "unknown_path", Way(drop=('"@status"',))),
        ),
        (
            "the tag of a request",
            wrong,
            refused(NOWHERE, 404, "unknown_path", Way(rest=usual("hx1-req"))),
        ),
        (
            "a key that nobody lists",
            "answer_key_unheard",
            refused(NOWHERE, 404, "unknown_path", Way(seed=UNHEARD)),
        ),
        ("no code, but a sentence", wrong, refused(NOWHERE, 404, "No such path.")),
        ("no code at all", wrong, refused(NOWHERE, 404, "")),
    ]
    return [
        {"name": name, "code": code, "request": NOWHERE, "answer": made}
        for name, code, made in found
    ]


def record() -> Made:
    """All of it."""
    return {
        "source": "tests/protocol/asked.py: hashlib and cryptography alone; the state is that of"
        " protocol_v1.json",
        "created_s": CREATED_S,
        "nonce": NONCE,
        "key_seeds": {member: seed.hex() for member, seed in SEEDS.items()},
        "exchanges": right(),
        "invalid_requests": wrong_requests(),
        "invalid_answers": wrong_answers(),
    }


def text() -> str:
    """The file."""
    return json.dumps(record(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
