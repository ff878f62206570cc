"""Who may call: bearer tokens with scopes, kept only as SHA-256.

A token is `hx_` and 43 characters (256 random bits), so a plain SHA-256 of it is enough, and
looking it up by that digest tells nothing by its timing: who could steer the digest would know the
token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from node.api.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PREFIX: Final = "hx_"
TOKEN_ID_DIGITS: Final = 16
CACHE_MS: Final = 1000
_CACHE_MAX: Final = 1024
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="hotline"'}
INVALID: Final = {"WWW-Authenticate": 'Bearer realm="hotline", error="invalid_token"'}


class Scope(StrEnum):
    """What a token permits. `admin` permits everything, tokens included."""

    REPORTS_WRITE = "reports:write"
    ITEMS_READ = "items:read"
    ITEMS_WRITE = "items:write"
    CHANGES_READ = "changes:read"
    ADMIN = "admin"


class TokenRecord(NamedTuple):
    """One token as it is kept; times in milliseconds UTC, `name` is who acts with it."""

    token_sha256: bytes
    name: str
    scopes: frozenset[Scope]
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None

    @property
    def token_id(self) -> str:
        """The name of the token in lists: the first digits of its SHA-256."""
        return self.token_sha256.hex()[:TOKEN_ID_DIGITS]

    def permits(self, scope: Scope) -> bool:
        """Whether the token has this scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class StoredAnswer(NamedTuple):
    """An answer as it was given, to be given again."""

    status: int
    content_type: str
    body: bytes


class Reserved(NamedTuple):
    """What stands under an `Idempotency-Key`. `answer` is None until the work was done.

    `created_ms`: when the key was first used; `fresh`: it is this request that reserved it.
    """

    body_sha256: bytes
    created_ms: int
    answer: StoredAnswer | None
    fresh: bool


class AccessStore(Protocol):
    """Where tokens, answers and what waits for a person are kept; durable on return.

    Raises:
        StoreError: nothing was kept.
    """

    async def find_token(self, token_sha256: bytes) -> TokenRecord | None:
        """Return the token with this digest, expired and revoked ones too."""
        ...

    async def add_token(self, token: TokenRecord) -> None:
        """Keep a new token."""
        ...

    async def list_tokens(self) -> Sequence[TokenRecord]:
        """Return all tokens, oldest first."""
        ...

    async def revoke_token(self, token_sha256: bytes, now_ms: int) -> None:
        """Let the token be refused from now on; one that is revoked already stays as it is."""
        ...

    async def reserve(
        self,
        token_sha256: bytes,
        key: str,
        body_sha256: bytes,
        now_ms: int,
        item: str | None = None,
    ) -> Reserved:
        """Keep the key for this body unless it is kept already; return what stands under it.

        `item`: which one the answer will show. The key is forgotten when that is erased.
        """
        ...

    async def release(self, token_sha256: bytes, key: str) -> None:
        """Forget a reserved key of a request that was refused; one with an answer stays."""
        ...

    async def answered(self, token_sha256: bytes, key: str, answer: StoredAnswer) -> None:
        """Keep the answer that was given under a reserved key."""
        ...

    async def forget_before(self, before_ms: int) -> int:
        """Forget keys first used before `before_ms`; return how many."""
        ...

    async def open_tasks(self, limit: int) -> Sequence[tuple[str, str, int]]:
        """Return what waits for a person, oldest first: code, subject, since when (ms UTC)."""
        ...


def new_token(
    name: str,
    scopes: frozenset[Scope],
    now_ms: int,
    expires_ms: int | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[str, TokenRecord]:
    """Make a token: the secret text, to be shown once, and the record that is kept."""
    return token_of(new_secret(PREFIX, random_bytes), name, scopes, now_ms, expires_ms)


def token_of(
    text: str, name: str, scopes: frozenset[Scope], now_ms: int, expires_ms: int | None
) -> tuple[str, TokenRecord]:
    """Return the text of a token, and the record that is kept of it."""
    return text, TokenRecord(digest_of(text), name, scopes, now_ms, expires_ms)


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes the secrets that are shown once: by chance, or for a request that has a key.

    Such a request gets the same one when it comes again, and nothing but its SHA-256 is kept: it
    follows from the secret of the node, the caller's token and when the key was first used.
    """

    node_secret: bytes = field(repr=False)

    def secret(self, prefix: str, token_sha256: bytes, key: str, reserved: Reserved) -> str:
        """Return the text for the request under an `Idempotency-Key`: `prefix`, 43 characters."""
        head = f"minted\0{prefix}\0{reserved.created_ms}\0".encode() + token_sha256
        said = head + reserved.body_sha256 + key.encode("ascii")
        return new_secret(prefix, lambda _: hmac.digest(self.node_secret, said, "sha256"))


def new_secret(prefix: str, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return the text of a new secret: `prefix` and 43 characters, 256 random bits."""
    return prefix + base64.urlsafe_b64encode(random_bytes(32)).rstrip(b"=").decode("ascii")


def digest_of(token: str) -> bytes:
    """Return the SHA-256 under which a token is kept."""
    return hashlib.sha256(token.encode("utf-8", errors="surrogateescape")).digest()


class Gate:
    """Finds the token of a request; remembers live ones for `CACHE_MS`, so that reading is rare."""

    def __init__(self, store: AccessStore, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._seen: dict[bytes, tuple[int, TokenRecord]] = {}

    async def admit(self, authorization: str | None, scope: Scope) -> TokenRecord:
        """Return the token of an `Authorization` header if it has `scope`.

        Raises:
            ApiError: 401 with a challenge, or 403 naming the missing scope.
        """
        mend = "send the header Authorization: Bearer <token>; hotline token create makes one"
        token = await self._find(digest_of(bearer(authorization, mend)))
        if token.expires_ms is not None and token.expires_ms <= self._now_ms():
            mend = "has expired; make a new one with hotline token create"
            raise ApiError("token_expired", mend, "Authorization", INVALID)
        if not token.permits(scope):
            mend = f"the token lacks the scope {scope}; make one with hotline token create"
            raise ApiError("scope_missing", mend, str(scope))
        return token

    def forget(self, token_sha256: bytes) -> None:
        """Look the token up anew next time (it was revoked)."""
        self._seen.pop(token_sha256, None)

    async def _find(self, digest: bytes) -> TokenRecord:
        now = self._now_ms()
        seen = self._seen.get(digest)
        if seen is not None and 0 < seen[0] - now <= CACHE_MS:
            return seen[1]
        token = await self._store.find_token(digest)
        known = token is not None and hmac.compare_digest(token.token_sha256, digest)
        if token is None or not known or token.revoked_ms is not None:
            self._seen.pop(digest, None)
            mend = "the token is not known here; make one with hotline token create"
            raise ApiError("token_invalid", mend, "Authorization", INVALID)
        if len(self._seen) >= _CACHE_MAX:
            self._seen.clear()
        self._seen[digest] = (now + CACHE_MS, token)
        return token


def bearer(authorization: str | None, mend: str) -> str:
    """Return what an `Authorization` header bears.

    Raises:
        ApiError: 401 with a challenge and `mend`: it bears nothing.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError("token_missing", mend, "Authorization", _CHALLENGE)
    return token.strip()
