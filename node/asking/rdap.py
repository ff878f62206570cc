"""Asking registers about addresses (RFC 7482): `Registers` of `node.jurisdiction.directory`.

Each server that asks for a pause gets it: until then it is not asked about anything, by this
process or the next. What is asked is the address alone; the answers are read in
`node.jurisdiction.rdap`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from node.asking.errors import AskingError, PutOffError
from node.jurisdiction.directory import Answer
from node.jurisdiction.errors import RdapAnswerError
from node.jurisdiction.rdap import Bootstrap, Network, origin, read_entity, read_network

if TYPE_CHECKING:
    from node.asking.https import Https

_ACCEPT: Final = {"Accept": "application/rdap+json, application/json;q=0.5"}
_OK: Final = 200
_NOT_FOUND: Final = 404


class Pauses(Protocol):
    """Remembers which server asked to be left alone, and until when."""

    async def paused_until(self, server: str) -> int:
        """Return until when (ms UTC) a server wants to be left alone; 0: it does not."""
        ...

    async def pause(self, server: str, until_ms: int) -> None:
        """Remember it."""
        ...


class Rdap:
    """Asks the servers that the bootstrap files name."""

    def __init__(self, bootstrap: Bootstrap, https: Https, pauses: Pauses) -> None:
        self._bootstrap = bootstrap
        self._https = https
        self._pauses = pauses

    async def ask(self, address: str, now_ms: int) -> Answer:
        """See `Registers.ask`. Of several servers the first that answers counts."""
        worst = Answer("failed")
        for base in self._bootstrap.servers(address):
            answer = await self._ask(base, address, now_ms)
            if answer.outcome in {"found", "not_found"}:
                return answer
            worst = answer if answer.outcome == "put_off" else worst
        return worst

    async def _ask(self, base: str, address: str, now_ms: int) -> Answer:
        server = origin(base)
        until_ms = await self._pauses.paused_until(server)
        if now_ms < until_ms:
            return Answer("put_off", retry_ms=until_ms)
        try:
            return await self._exchange(base, address, now_ms)
        except PutOffError as error:
            await self._pauses.pause(server, error.retry_ms)
            return Answer("put_off", retry_ms=error.retry_ms)
        except (AskingError, RdapAnswerError):
            return Answer("failed")

    async def _exchange(self, base: str, address: str, now_ms: int) -> Answer:
        reply = await self._https.get(f"{base}ip/{quote(address, safe=':')}", _ACCEPT, now_ms)
        if reply.status == _NOT_FOUND:
            return Answer("not_found")
        if reply.status != _OK:
            return Answer("failed")
        network = read_network(reply.body, address)
        if not network.contacts and network.referred:
            network = await self._complete(network, reply.url, now_ms)
        return Answer("found", network)

    async def _complete(self, network: Network, url: str, now_ms: int) -> Network:
        """Ask for the contacts of entities that were only named, where the network was answered."""
        base = url.rpartition("/ip/")[0]
        found: dict[str, None] = {}
        for handle in network.referred:
            at = f"{base}/entity/{quote(handle, safe='')}"
            try:
                reply = await self._https.get(at, _ACCEPT, now_ms)
                told = read_entity(reply.body) if reply.status == _OK else ()
            except RdapAnswerError:
                continue
            found.update(dict.fromkeys(told))
        return network._replace(contacts=tuple(found))
