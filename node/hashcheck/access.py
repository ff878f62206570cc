"""Who may ask: keys with scopes and a contract that is in force."""

from __future__ import annotations

from collections.abc import Callable

from node.api.access import INVALID, bearer, digest_of
from node.api.problems import ApiError
from node.hashcheck.contract import Key, Scope
from node.hashcheck.seam import HashCheckStore


class Gate:
    """Finds the key of a request. Nothing is remembered: what is revoked is refused at once."""

    def __init__(self, store: HashCheckStore, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms

    def admit(self, authorization: str | None, scope: Scope) -> Key:
        """Return the key of an `Authorization` header if its contract permits `scope` now.

        Raises:
            ApiError: 401 with a challenge, or 403.
            StoreError: keys cannot be read.
        """
        mend = "send the header Authorization: Bearer <key>, as the hotline gave it to you"
        key = self._store.find_key(digest_of(bearer(authorization, mend)))
        if key is None or key.revoked_ms is not None:
            mend = "the key is not known here, or was revoked; ask the hotline"
            raise ApiError("token_invalid", mend, "Authorization", INVALID)
        if key.ends_ms <= self._now_ms():
            raise ApiError("contract_over", "the contract is over; ask the hotline", "contract")
        if scope not in key.contract.scopes:
            raise ApiError("scope_missing", "the contract lacks this; ask the hotline", str(scope))
        return key
