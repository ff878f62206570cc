"""A listener for other members over TLS 1.3 (docs/protocol.md §9.3): it gives receipts."""

from __future__ import annotations

import http.server
import re
import ssl
import threading
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.second.basics import RefusedError, need, sha256
from tests.second.channel import Incoming
from tests.second.directory import Directory
from tests.second.member import Member, to64
from tests.second.notes import LANES
from tests.second.signed import Answered, Sent, check_request, request_values, sign_answer

CHANNEL = re.compile(r"/hx1/channels/([a-z0-9-]+)/([a-z]+)")
PUSHED = re.compile(rf"{CHANNEL.pattern}/([0-9a-f]{{16}})/(0|[1-9][0-9]*)")


class Listener:
    """What one member of the network says to us, on each lane."""

    def __init__(self, member: Member, directory: Directory, sender: str, folder: Path) -> None:
        self.member, self.directory, self.sender = member, directory, sender
        self.channels = {lane: Incoming(member, directory, sender, lane) for lane in LANES}
        self.heard = threading.Condition()
        self._nonces = set[str]()
        pem = folder / "listener.pem"
        pem.write_bytes(member.certificate_pem())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(pem)
        at = urlsplit(member.endpoint)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                outer.serve(self)

            do_GET = do_PUT = do_POST = handle_any  # noqa: N815 - its own names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
                pass

        address = (str(at.hostname), int(at.port or 443))
        self._server = http.server.ThreadingHTTPServer(address, Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer a request, if it is signed by the member that it names."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", 0)))
        at = urlsplit(request.path)
        try:
            self._check(request.command, at.path, at.query, headers, body)
        except (RefusedError, KeyError):
            answer = Answered(401, "application/hx1-refusal", b"bad_signature")
        else:
            with self.heard:
                answer = self._answer(request.command, at.path, at.query, body)
                self.heard.notify_all()
        sent = Sent(request.command, at.path, headers.get("signature", ""))
        request.send_response(answer.status)
        for name, value in sign_answer(self.member, sent, answer).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(answer.body)

    def _check(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> None:
        need(headers["content-digest"] == f"sha-256=:{to64(sha256(body))}:", "request: digest")
        values = request_values(method, headers["host"], path, query, headers)
        keys = self.directory.transport(self.sender)
        nonce = check_request(values, headers, keys, self.sender)
        need(nonce not in self._nonces, "request: again")
        self._nonces.add(nonce)

    def _answer(self, method: str, path: str, query: str, body: bytes) -> Answered:
        pushed, asked = PUSHED.fullmatch(path), CHANNEL.fullmatch(path)
        found = pushed or asked
        if found is None or found[1] != self.sender or found[2] not in LANES:
            return Answered(404, "application/hx1-refusal", b"unknown_path")
        channel = self.channels[found[2]]
        if method == "PUT" and pushed is not None:
            return channel.take(bytes.fromhex(pushed[3]), int(pushed[4]), body)
        nonce = re.fullmatch("nonce=([0-9a-f]{32})", query)
        if method == "GET" and pushed is None and nonce is not None:
            return channel.answer("state", bytes.fromhex(nonce[1]))
        return Answered(404, "application/hx1-refusal", b"unknown_path")
