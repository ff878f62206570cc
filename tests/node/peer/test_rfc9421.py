"""RFC 9421 appendix B.2.6, the one example that is signed by Ed25519, through our own parts."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64decode

import pytest
from multidict import CIMultiDict

from keys.errors import BadSignatureError, UnknownKeyError
from keys.signing import VerifyKey
from node.peer.errors import BadRequestSignatureError
from node.peer.http import signatures
from node.peer.http.signatures import HttpRequest

KEY = VerifyKey(urlsafe_b64decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs="))
SIGNATURE = (
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
)
PARAMETERS = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
BASE = f"""\
"date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": {PARAMETERS}"""


def no_key(_member: str, _key_id: str) -> VerifyKey:
    """A registry without members."""
    raise UnknownKeyError("keyid: none")


def test_signature_of_the_rfc_verifies() -> None:
    """Our keys read it as its authors do."""
    KEY.verify_ed25519(b64decode(SIGNATURE), BASE.encode())


@pytest.mark.parametrize("word", ["POST", "/foo", "example.com", "18", "created=1618884473"])
def test_changed_component_of_the_rfc_does_not(word: str) -> None:
    """Every line of the base is covered."""
    with pytest.raises(BadSignatureError):
        KEY.verify_ed25519(b64decode(SIGNATURE), BASE.replace(word, word + "0").encode())


def test_9_4_signature_whose_key_is_no_members_is_refused() -> None:
    """By the RFC it is valid; its `keyid` names no member, so it is nobody's here."""
    headers = CIMultiDict(
        {
            "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "Content-Type": "application/json",
            "Content-Length": "18",
            "Signature-Input": f"sig-b26={PARAMETERS}",
            "Signature": f"sig-b26=:{SIGNATURE}:",
        }
    )
    with pytest.raises(BadRequestSignatureError):
        signatures.verify_request(
            HttpRequest("POST", "https://nl-eokm.example/foo", headers), no_key
        )
