"""How the registry's errors look over HTTP: `application/problem+json` (RFC 9457).

One table from code to status. A code that is not in it is a mistake of ours: 500, without detail.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keys.errors import KeysError
    from node.registry.errors import RegistryError

CONTENT_TYPE: Final = "application/problem+json"
STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "unknown_member": 404,
        "unknown_path": 404,
        "method_not_allowed": 405,
        "too_slow": 408,
        "body_too_large": 413,
        "registry_not_signed": 403,
        "registry_conflict": 409,
        "registry_refused": 422,
        "registry_too_many": 429,
        "internal": 500,
    }
)


def problem(code: str, field: str | None = None, mend: str | None = None) -> web.Response:
    """The answer that describes one error."""
    status = STATUS[code]
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
    }
    described = {"field": field, "detail": mend}
    body |= {name: value for name, value in described.items() if value is not None}
    headers = {"Retry-After": "3600"} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
    return web.Response(
        body=json.dumps(body).encode(), status=status, content_type=CONTENT_TYPE, headers=headers
    )


def of_error(error: RegistryError | KeysError) -> web.Response:
    """The answer to an error of the registry or of `keys`."""
    if error.code not in STATUS:
        return problem("internal")
    field, _, mend = str(error).rpartition(": ")
    return problem(error.code, getattr(error, "field", field), getattr(error, "mend", mend))
