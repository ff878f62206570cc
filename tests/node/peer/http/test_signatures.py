"""The form of signatures, without a network: an oracle by hand, and everything that breaks one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    MappingKeyResolver,
    algorithms,
)
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from keys.errors import UnknownKeyError
from keys.signing import SigningKey, VerifyKey
from node.peer.errors import (
    BadAnswerError,
    BadRequestSignatureError,
    CallError,
    RefusedRequestError,
    UnheardSenderError,
    UnsignedAnswerError,
    UnsignedRequestError,
)
from node.peer.http import signatures
from node.peer.http.signatures import HttpRequest, HttpResponse

KEY = SigningKey.from_seeds(b"\x07" * 32, None)
THEIRS = SigningKey.from_seeds(b"\x08" * 32, None)
NOW_MS = 1_790_000_000_123
NONCE = bytes(range(16))
BODY = b"a body"
URL = "https://nl-eokm.example:8441/hx1/channels/gb-iwf/reports/0001020304050607/0"


def find_key(member: str, key_id: str) -> VerifyKey:
    """Two members with a key each."""
    for name, key in (("gb-iwf", KEY), ("nl-eokm", THEIRS)):
        if (member, key_id) == (name, key.public.key_id):
            return key.public
    raise UnknownKeyError("keyid: none")


def digest(body: bytes) -> str:
    """The Content-Digest of a body."""
    return signatures.digest_field(hashlib.sha256(body).digest())


def unsigned(method: str = "PUT", url: str = URL) -> HttpRequest:
    """A request before it is signed."""
    content = BODY if method == "PUT" else b""
    headers = CIMultiDict({"Content-Digest": digest(content)})
    if content:
        headers["Content-Type"] = "application/hx1-push"
        headers["Content-Length"] = str(len(content))
    return HttpRequest(method, url, headers)


def signed(method: str = "PUT", url: str = URL) -> HttpRequest:
    """A request of `gb-iwf`."""
    request = unsigned(method, url)
    signatures.sign_request(request, KEY, "gb-iwf", NOW_MS, NONCE)
    return request


def answered(request: HttpRequest, key: SigningKey = THEIRS, by: str = "nl-eokm") -> HttpResponse:
    """A response of `nl-eokm`."""
    headers = CIMultiDict({"Content-Digest": digest(BODY), "Content-Type": "application/x"})
    response = HttpResponse(200, headers, request)
    signatures.sign_answer(response, key, by, NOW_MS)
    return response


COVERED = (
    "@method",
    "@authority",
    "@path",
    "@query",
    "content-digest",
    "content-type",
    "content-length",
)
COVERED_BY_ANSWERS = (
    "@status",
    "content-digest",
    "content-type",
    '"@method";req',
    '"@path";req',
    '"signature";req',
)


def free_signer(key: SigningKey) -> HTTPMessageSigner:
    """The library itself, with a private key: it signs whatever it is told to."""
    mine = {f"{name}/{key.public.key_id}": key.private_keys()[0] for name in ("gb-iwf", "nl-eokm")}
    keys = MappingKeyResolver(public_keys={}, private_keys=mine)
    return HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=keys)


def freely_signed(
    request: HttpRequest | None = None,
    *,
    covered: tuple[str, ...] = COVERED,
    tag: str = "hx1-req",
    nonce: str | None = NONCE.hex(),
    label: str = "hx1",
    expires: bool = False,
) -> HttpRequest:
    """A request with one more valid signature of `gb-iwf`, of whatever form."""
    message = request or unsigned()
    now = datetime.fromtimestamp(NOW_MS // 1000, UTC)
    free_signer(KEY).sign(
        message,
        key_id=f"gb-iwf/{KEY.public.key_id}",
        created=now,
        expires=now + timedelta(minutes=1) if expires else None,
        nonce=nonce,
        label=label,
        tag=tag,
        covered_component_ids=covered,
        append_if_signature_exists=True,
        use_existing_digest=True,
    )
    return message


class TestForm:
    """What goes over the wire is RFC 9421, to anybody who writes it down by hand."""

    def test_a_request_verifies_by_hand(self) -> None:
        """RFC 9421 section 2.5: one line for each component, then the parameters."""
        request = signed()
        parameters = request.headers["Signature-Input"].removeprefix("hx1=")
        assert parameters == (
            '("@method" "@authority" "@path" "@query" "content-digest" "content-type" '
            f'"content-length");created=1790000000;keyid="gb-iwf/{KEY.public.key_id}"'
            f';alg="ed25519";nonce="{NONCE.hex()}";tag="hx1-req"'
        )
        base = (
            '"@method": PUT\n'
            '"@authority": nl-eokm.example:8441\n'
            '"@path": /hx1/channels/gb-iwf/reports/0001020304050607/0\n'
            '"@query": ?\n'
            f'"content-digest": {digest(BODY)}\n'
            '"content-type": application/hx1-push\n'
            '"content-length": 6\n'
            f'"@signature-params": {parameters}'
        )
        signature = base64.b64decode(request.headers["Signature"].removeprefix("hx1=:")[:-1])
        Ed25519PublicKey.from_public_bytes(KEY.public.ed25519).verify(signature, base.encode())

    def test_an_answer_verifies_by_hand(self) -> None:
        """RFC 9421 section 2.4: it names method, path and signature of the request."""
        request = signed("GET", f"{URL}?nonce=00")
        response = answered(request)
        parameters = response.headers["Signature-Input"].removeprefix("hx1=")
        base = (
            '"@status": 200\n'
            f'"content-digest": {digest(BODY)}\n'
            '"content-type": application/x\n'
            '"@method";req: GET\n'
            '"@path";req: /hx1/channels/gb-iwf/reports/0001020304050607/0\n'
            f'"signature";req: {request.headers["Signature"]}\n'
            f'"@signature-params": {parameters}'
        )
        signature = base64.b64decode(response.headers["Signature"].removeprefix("hx1=:")[:-1])
        Ed25519PublicKey.from_public_bytes(THEIRS.public.ed25519).verify(signature, base.encode())

    @pytest.mark.parametrize("url", [URL, f"{URL}?nonce=00", "https://NL-eokm.example:443"])
    def test_a_request_is_signed_as_the_library_signs_it(self, url: str) -> None:
        """Its lines are written here, for speed: they are the same to the last byte."""
        ours, theirs = signed(url=url), freely_signed(unsigned(url=url), covered=COVERED)
        assert ours.headers == theirs.headers

    def test_an_answer_is_signed_as_the_library_signs_it(self) -> None:
        """Also what it takes over from the request: so no receiver can tell them apart."""
        request = signed()
        headers = CIMultiDict({"Content-Digest": digest(BODY), "Content-Type": "application/x"})
        theirs = HttpResponse(200, headers, request)
        free_signer(THEIRS).sign(
            theirs,
            key_id=f"nl-eokm/{THEIRS.public.key_id}",
            created=datetime.fromtimestamp(NOW_MS // 1000, UTC),
            label="hx1",
            tag="hx1-resp",
            covered_component_ids=COVERED_BY_ANSWERS,
            use_existing_digest=True,
        )
        assert answered(request).headers == theirs.headers

    @pytest.mark.parametrize("value", ['hx1=:AA==:\n"@status": 500', "hx1=:\u00e4:", "\x00"])
    def test_a_line_smuggled_into_an_answer_is_not_signed(self, value: str) -> None:
        """An answer covers the request's signature as it came, which brings no line of its own."""
        request = signed()
        request.headers["Signature"] = value
        with pytest.raises(HTTPMessageSignaturesException):
            answered(request)

    def test_a_request_says_who_when_and_what(self) -> None:
        """Times are whole seconds on the wire."""
        said = signatures.verify_request(signed(), find_key)
        assert said == (
            "gb-iwf",
            KEY.public.key_id,
            1_790_000_000_000,
            NONCE,
            hashlib.sha256(BODY).digest(),
        )

    def test_an_answer_says_when_and_what(self) -> None:
        """The peer's time, to compare clocks with."""
        said = signatures.verify_answer(answered(signed()), "nl-eokm", find_key)
        assert said == (THEIRS.public.key_id, 1_790_000_000_000, hashlib.sha256(BODY).digest())

    def test_the_default_port_may_be_left_out(self) -> None:
        """As clients do: 443 is no part of the authority (RFC 9421 section 2.2.3)."""
        request = signed(url=URL.replace(":8441", ":443"))
        same = replace(request, url=URL.replace(":8441", ""))
        assert signatures.verify_request(same, find_key).member == "gb-iwf"


class TestRequests:
    """Whatever differs from what was signed."""

    @pytest.mark.parametrize(
        "url",
        [
            URL.replace("8441", "8442"),
            URL.replace("nl-eokm.example", "fr-pdc.example"),
            URL.replace("reports", "status"),
            f"{URL}?a=b",
        ],
    )
    def test_another_target_does_not_verify(self, url: str) -> None:
        """Host, port, path and query are covered."""
        with pytest.raises(BadRequestSignatureError):
            signatures.verify_request(replace(signed(), url=url), find_key)

    def test_another_method_does_not_verify(self) -> None:
        """A push is no other request."""
        with pytest.raises(BadRequestSignatureError):
            signatures.verify_request(replace(signed(), method="POST"), find_key)

    @pytest.mark.parametrize("name", ["Content-Digest", "Content-Type", "Content-Length"])
    def test_a_missing_field_does_not_verify(self, name: str) -> None:
        """All of them are needed."""
        request = signed()
        del request.headers[name]
        with pytest.raises(BadRequestSignatureError):
            signatures.verify_request(request, find_key)

    @pytest.mark.parametrize("name", ["Signature", "Signature-Input"])
    def test_half_a_signature_is_none(self, name: str) -> None:
        """Both fields, once each."""
        request = signed()
        del request.headers[name]
        with pytest.raises(UnsignedRequestError):
            signatures.verify_request(request, find_key)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("created=1790000000", "created=1790000001"),
            (NONCE.hex(), bytes(16).hex()),
            ('tag="hx1-req"', 'tag="hx1-resp"'),
            ("gb-iwf/", "nl-eokm/"),
            (' "@query"', ""),
            ('"content-digest"', '"content-digest";sf'),
            (";alg=", ";expires=1790000060;alg="),
            ('alg="ed25519"', 'alg="hmac-sha256"'),
        ],
    )
    def test_changed_parameters_do_not_verify(self, old: str, new: str) -> None:
        """They are signed themselves."""
        request = signed()
        field = request.headers["Signature-Input"]
        assert old in field
        request.headers["Signature-Input"] = field.replace(old, new)
        with pytest.raises(RefusedRequestError):
            signatures.verify_request(request, find_key)

    def test_a_key_that_nobody_lists_is_told_apart(self) -> None:
        """A newer registry may list it."""
        request = unsigned()
        signatures.sign_request(request, SigningKey.generate(hybrid=False), "gb-iwf", NOW_MS, NONCE)
        with pytest.raises(UnheardSenderError):
            signatures.verify_request(request, find_key)

    def test_a_valid_signature_over_less_is_refused(self) -> None:
        """Made with the right key: `GET` covers no length, so a `PUT` must not look like one."""
        request = unsigned()
        bare = replace(request, method="GET")
        signatures.sign_request(bare, KEY, "gb-iwf", NOW_MS, NONCE)
        with pytest.raises(RefusedRequestError):
            signatures.verify_request(replace(bare, method="PUT"), find_key)

    def test_an_answer_is_no_request(self) -> None:
        """Each direction has its tag."""
        response = answered(signed())
        request = replace(signed(), headers=response.headers)
        with pytest.raises(RefusedRequestError):
            signatures.verify_request(request, find_key)

    @given(st.text(), st.text())
    def test_no_field_makes_more_than_a_refusal(self, inputs: str, signature: str) -> None:
        """Whatever a stranger writes into the two fields."""
        request = unsigned()
        request.headers["Signature-Input"] = inputs
        request.headers["Signature"] = signature
        with pytest.raises(RefusedRequestError):
            signatures.verify_request(request, find_key)

    @given(st.data())
    def test_no_single_changed_character_verifies(self, data: st.DataObject) -> None:
        """In the parameters; the label alone is not signed, and means nothing."""
        request = signed()
        field = request.headers["Signature-Input"]
        place = data.draw(st.integers(len("hx1="), len(field) - 1))
        new = data.draw(st.characters(min_codepoint=32, max_codepoint=126))
        changed = field[:place] + new + field[place + 1 :]
        if changed == field:
            return
        request.headers["Signature-Input"] = changed
        with pytest.raises(RefusedRequestError):
            signatures.verify_request(request, find_key)


class TestOtherForms:
    """Signatures that are valid, by the right key, but not of the protocol's form."""

    def test_the_form_itself_verifies(self) -> None:
        """So that what follows fails for its own reason."""
        signatures.verify_request(freely_signed(), find_key)

    def test_less_coverage_is_refused(self) -> None:
        """What is not covered could be changed on the way."""
        for left_out in COVERED:
            covered = tuple(name for name in COVERED if name != left_out)
            with pytest.raises(BadRequestSignatureError):
                signatures.verify_request(freely_signed(covered=covered), find_key)

    def test_more_coverage_is_refused(self) -> None:
        """One form, so that there is one thing to think about."""
        with pytest.raises(BadRequestSignatureError):
            signatures.verify_request(freely_signed(covered=(*COVERED, "@target-uri")), find_key)

    def test_another_purpose_is_refused(self) -> None:
        """A signature made for something else, over the same message."""
        with pytest.raises(BadRequestSignatureError):
            signatures.verify_request(freely_signed(tag="something-else"), find_key)

    def test_a_request_without_a_nonce_is_refused(self) -> None:
        """It could be replayed."""
        with pytest.raises(UnsignedRequestError):
            signatures.verify_request(freely_signed(nonce=None), find_key)

    @pytest.mark.parametrize("nonce", ["", "00", NONCE.hex().upper(), NONCE.hex() + "00"])
    def test_a_nonce_has_one_form(self, nonce: str) -> None:
        """128 bits in lower-case hex."""
        with pytest.raises(UnsignedRequestError):
            signatures.verify_request(freely_signed(nonce=nonce), find_key)

    def test_a_request_with_an_expiry_is_refused(self) -> None:
        """How long a request lives is the protocol's to say."""
        with pytest.raises(UnsignedRequestError):
            signatures.verify_request(freely_signed(expires=True), find_key)

    def test_two_good_signatures_are_refused(self) -> None:
        """One message, one signature."""
        request = freely_signed()
        freely_signed(request, label="other", nonce=bytes(16).hex())
        with pytest.raises(BadRequestSignatureError):
            signatures.verify_request(request, find_key)

    def test_an_answer_with_a_nonce_is_refused(self) -> None:
        """Answers have one form too."""
        response = answered(signed())
        free_signer(THEIRS).sign(
            response,
            key_id=f"nl-eokm/{THEIRS.public.key_id}",
            created=datetime.fromtimestamp(NOW_MS // 1000, UTC),
            nonce="00",
            tag="hx1-resp",
            covered_component_ids=COVERED_BY_ANSWERS,
            use_existing_digest=True,
        )
        with pytest.raises(BadAnswerError):
            signatures.verify_answer(response, "nl-eokm", find_key)

    def test_the_label_means_nothing(self) -> None:
        """It is not signed (RFC 9421 section 7.2.5)."""
        assert signatures.verify_request(freely_signed(label="other"), find_key).nonce == NONCE


class TestAnswers:
    """An answer belongs to one request and one peer."""

    def test_an_answer_to_another_request_does_not_verify(self) -> None:
        """Alike in everything but its nonce."""
        other = unsigned()
        signatures.sign_request(other, KEY, "gb-iwf", NOW_MS, bytes(16))
        response = replace(answered(signed()), request=other)
        with pytest.raises(BadAnswerError):
            signatures.verify_answer(response, "nl-eokm", find_key)

    def test_an_answer_of_somebody_else_does_not_verify(self) -> None:
        """Signed by a member, but not by the one that was asked."""
        response = answered(signed(), KEY, "gb-iwf")
        with pytest.raises(BadAnswerError):
            signatures.verify_answer(response, "nl-eokm", find_key)

    def test_another_status_does_not_verify(self) -> None:
        """A refusal cannot be made a success."""
        with pytest.raises(BadAnswerError):
            signatures.verify_answer(
                replace(answered(signed()), status_code=429), "nl-eokm", find_key
            )

    def test_no_signature_is_a_middleboxs_word(self) -> None:
        """Told apart from a wrong one."""
        response = HttpResponse(403, CIMultiDict({"Content-Type": "text/html"}), signed())
        with pytest.raises(UnsignedAnswerError):
            signatures.verify_answer(response, "nl-eokm", find_key)

    @given(st.text(), st.text())
    def test_no_field_makes_more_than_an_error(self, inputs: str, signature: str) -> None:
        """Whatever stands in the two fields."""
        response = answered(signed())
        response.headers["Signature-Input"] = inputs
        response.headers["Signature"] = signature
        with pytest.raises(CallError):
            signatures.verify_answer(response, "nl-eokm", find_key)


@pytest.mark.parametrize(
    "field",
    [
        "",
        "sha-256=::",
        "sha-512=:" + "A" * 43 + "=:",
        "sha-256=:" + "A" * 42 + "B=:",
        "sha-256=:" + "A" * 43 + "=:, sha-256=:" + "A" * 43 + "=:",
        "sha-256=:" + "A" * 43 + "=:;a=b",
        "sha-256=:" + "A" * 44 + ":",
    ],
)
def test_a_digest_has_one_spelling(field: str) -> None:
    """One algorithm, canonical base64, nothing beside it."""
    assert signatures.read_digest(CIMultiDict({"Content-Digest": field})) is None
