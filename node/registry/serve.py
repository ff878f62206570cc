"""`hotline network serve`: the umbrella's registry over HTTP, and its unattended signing.

    GET  /registry/v1/metadata/{file}   GET /registry/v1/targets/{path}   the repository's files
    GET, POST /registry/v1/revocations.json    revocation notes, kept and handed on
    POST /registry/v1/members/{id}      a member's own publication, signed by its member key
    GET  /healthz                       whether the state on disk is being signed in time

Unauthenticated bytes are bounded before they are read, and change nothing. A member may publish a
few dozen times an hour. TUF protects what is served, so plain HTTP is enough on loopback; towards
the world a TLS proxy stands before it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Timestamp

from keys.errors import KeysError
from keys.registry import ISSUED_FIELD, TIMESTAMP_NAME
from node.registry import build, repository
from node.registry.errors import (
    RefusedError,
    RegistryError,
    RepositoryStateError,
    TooManyError,
)
from node.registry.kept import PREFIX
from node.registry.mirror import mirror_routes
from node.registry.problems import of_error, problem
from node.registry.publish import MAX_PUBLICATION_BYTES, publish, read_publication
from node.registry.revocations import Revocations, revocation_routes
from node.registry.signers import role_of
from node.registry.staging import waiting
from node.telemetry.logs import logger

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from keys.registry import Registry
    from node.registry.directory import RepositoryDirectory
    from node.registry.repository import Repository
    from node.registry.signers import OnlineSigners

HOUR_MS: Final = 3_600_000
PUBLICATIONS_AN_HOUR: Final = 30
RENEWAL_NOTICE_MS: Final = 30 * 24 * HOUR_MS
UNSIGNED_TOO_LONG_MS: Final = 2 * repository.TIMESTAMP_EVERY_MS
READ_TIMEOUT_S: Final = 30.0

Clock = Callable[[], int]
"""Gives the time in milliseconds UTC."""


class RegistryServer:
    """What `network serve` does, apart from HTTP: publications and signing, one at a time.

    Attributes:
        directory: the repository.
        revocations: the notes that it hands on.
    """

    def __init__(self, directory: RepositoryDirectory, online: OnlineSigners) -> None:
        self.directory: Final = directory
        self._online: Final = online
        self._recent: Final[defaultdict[str, deque[int]]] = defaultdict(deque)
        self._verified: tuple[tuple[bytes | None, int], Repository] | None = None
        self.revocations: Final = Revocations(directory.path, self._registry)

    def resign_due(self, now_ms: int) -> bool:
        """Sign timestamp and snapshot again if it is time; tell whether anything was signed.

        What a broken-off change left is out of readers' way first: no other process writes now.

        Raises:
            RegistryError: the directory cannot be used.
            KeysError: what is on disk does not verify.
        """
        with self.directory.locked():
            state = self._state()
            self.directory.put_away_root(state.registry.root_version + 1)
            change = repository.resign_due(state, self._online, now_ms)
            if change is not None:
                self.directory.commit(change)
        return change is not None

    def publish(self, member: str, raw: bytes, now_ms: int) -> dict[str, Any]:
        """Take a member's publication and tell the versions now in force.

        Raises:
            RegistryError: it was refused; nothing changed.
            UnknownMemberError: the registry lists no such member.
        """
        publication = read_publication(raw)
        with self.directory.locked():
            state = self._state()
            change = publish(state, member, publication, self._online, now_ms)
            if change is not None:
                self._check_key_stays(member)
                self._count(member, now_ms)
                self.directory.commit(change)
                state = change.after
        return {
            "member": member,
            "version": state.role(member)[0],
            "sequence": state.registry.members[member].sequence,
            "timestamp_version": state.registry.timestamp_version,
        }

    def unsigned_ms(self, now_ms: int) -> int:
        """How long ago the timestamp on disk was signed.

        Raises:
            RepositoryStateError: there is none.
        """
        raw = self.directory.files.get(TIMESTAMP_NAME)
        if raw is None:
            raise RepositoryStateError("directory: holds no network; make one with network create")
        try:
            issued = build.parse(raw, Timestamp).signed.unrecognized_fields[ISSUED_FIELD]
        except (RepositoryError, LookupError, ValueError):
            raise RepositoryStateError("timestamp: is damaged; restore the directory") from None
        return now_ms - int(issued)

    def renewal_due(self, now_ms: int) -> bool:
        """Whether root or targets run out within a month, so that their holders must sign.

        Raises:
            RegistryError: the directory cannot be used.
            KeysError: what is on disk does not verify.
        """
        with self.directory.locked():
            state = self._state()
        return state.people_expire_ms() - now_ms < RENEWAL_NOTICE_MS

    def _registry(self) -> Registry:
        with self.directory.locked():
            return self._state().registry

    def _state(self) -> Repository:
        """The state on disk, verified again only when another process has changed it.

        Whoever posts without a good signature thus costs one signature check, not a whole registry.
        """
        seen = (self.directory.files.get(TIMESTAMP_NAME), self.directory.newest_root())
        if self._verified is None or self._verified[0] != seen:
            self._verified = (seen, self.directory.open())
        return self._verified[1]

    def _check_key_stays(self, member: str) -> None:
        """Refuse a key that is being replaced: its thief would take the version that waits."""
        if any(role_of(name) == member for name in waiting(self.directory)):
            mend = "has its key replaced by a proposal that waits; ask the keepers of the network"
            raise RefusedError("member", mend)

    def _count(self, member: str, now_ms: int) -> None:
        """Count what is about to be written for a member whose signature was good."""
        recent = self._recent[member]
        while recent and not 0 <= now_ms - recent[0] < HOUR_MS:
            recent.popleft()
        if len(recent) >= PUBLICATIONS_AN_HOUR:
            raise TooManyError("member", "has published too often; try again in an hour")
        recent.append(now_ms)


def make_app(server: RegistryServer, clock: Clock) -> web.Application:
    """The aiohttp application of `network serve`, without its signing loop."""
    app = web.Application(middlewares=[_problems], client_max_size=MAX_PUBLICATION_BYTES + 1024)
    app.add_routes(mirror_routes(server.directory.files.get))
    app.add_routes(revocation_routes(server.revocations, lambda: None))

    async def post(request: web.Request) -> web.Response:
        if (request.content_length or 0) > MAX_PUBLICATION_BYTES:
            return problem("body_too_large", "body", f"send at most {MAX_PUBLICATION_BYTES} bytes")
        async with asyncio.timeout(READ_TIMEOUT_S):
            raw = await request.read()
        member = request.match_info["member"]
        answer = await asyncio.to_thread(server.publish, member, raw, clock())
        return web.json_response(answer)

    async def healthz(_: web.Request) -> web.Response:
        late = await asyncio.to_thread(server.unsigned_ms, clock()) > UNSIGNED_TOO_LONG_MS
        body = {"status": "signing_late" if late else "ok"}
        return web.json_response(body, status=503 if late else 200)

    app.router.add_post(PREFIX + "/members/{member}", post)
    app.router.add_get("/healthz", healthz)
    return app


async def a_minute() -> None:
    """The rest between two looks at what is due."""
    await asyncio.sleep(60)


async def resign_forever(
    server: RegistryServer, clock: Clock, rest: Callable[[], Awaitable[None]] = a_minute
) -> None:
    """Call `resign_due` every minute, until cancelled; a failure is logged and tried again."""
    log = logger()
    while True:
        try:
            if await asyncio.to_thread(server.resign_due, clock()):
                log.info("registry_signed")
                if await asyncio.to_thread(server.renewal_due, clock()):
                    log.warning("registry_renewal_due")
        except (RegistryError, KeysError, OSError) as error:
            log.warning("registry_not_signed", code=getattr(error, "code", "os_error"))
        await rest()


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as a problem."""
    try:
        return await handler(request)
    except (RegistryError, KeysError) as error:
        return of_error(error)
    except web.HTTPRequestEntityTooLarge:
        return problem("body_too_large", "body", f"send at most {MAX_PUBLICATION_BYTES} bytes")
    except TimeoutError:
        return problem("too_slow", "body", f"send it within {READ_TIMEOUT_S:.0f} s")
    except web.HTTPMethodNotAllowed:
        return problem("method_not_allowed")
    except web.HTTPNotFound:
        return problem("unknown_path")
