"""Asking registers about addresses (RFC 7482): `Registers` of `node.jurisdiction.directory`.

Each server that asks for a pause gets it: until then it is not asked about anything, by this
process or the next. One that is silent, or slow, is left for a while by this process, and one
address takes `ONE_ADDRESS_S` at most, however many servers and hops there are: others wait behind
it. What is asked is the address alone; the answers are read in `node.jurisdiction.rdap`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
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
ONE_ADDRESS_S: Final = 60.0
AT_ONE_REGISTER: Final = 2
"""Connections. Registers shut out whom they see open many at once, some for good; and one that is
slow must not have those that another one needs."""


class Rdap:
    """Asks the servers that the bootstrap files name; `https` keeps their pauses."""

    def __init__(
        self, bootstrap: Bootstrap, https: Https, one_address_s: float = ONE_ADDRESS_S
    ) -> None:
        self._bootstrap = bootstrap
        self._https = https
        self._one_address_s = one_address_s

    async def ask(self, address: str, now_ms: int) -> Answer:
        """See `Registers.ask`. Of several servers the first that answers counts."""
        try:
            async with asyncio.timeout(self._one_address_s):
                return await self._first(address, now_ms)
        except TimeoutError:
            return Answer("failed")

    async def _first(self, address: str, now_ms: int) -> Answer:
        worst = Answer("failed")
        for base in self._bootstrap.servers(address):
            answer = await self._ask(base, address, now_ms)
            if answer.outcome in {"found", "not_found"}:
                return answer
            worst = answer if answer.outcome == "put_off" else worst
        return worst

    async def _ask(self, base: str, address: str, now_ms: int) -> Answer:
        try:
            return await self._exchange(base, address, now_ms)
        except PutOffError as error:
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
        if network.contacts or not network.referred:
            return Answer("found", network, register=origin(reply.url))
        return await self._complete(network, reply.url, now_ms)

    async def _complete(self, network: Network, url: str, now_ms: int) -> Answer:
        """Ask for the contacts of entities that were only named, where the network was answered."""
        base = url.rpartition("/ip/")[0]
        found: dict[str, None] = {}
        partial = False
        for handle in network.referred:
            at = f"{base}/entity/{quote(handle, safe='')}"
            try:
                reply = await self._https.get(at, _ACCEPT, now_ms)
                told = read_entity(reply.body) if reply.status == _OK else ()
            except RdapAnswerError:
                partial = True
                continue
            except AskingError:
                # The others stand at the same server: they wait as well.
                partial = True
                break
            partial = partial or reply.status not in {_OK, _NOT_FOUND}
            found.update(dict.fromkeys(told))
        network = network._replace(contacts=tuple(found))
        return Answer("found", network, partial=partial, register=origin(url))
