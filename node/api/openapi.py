"""The OpenAPI 3.1 document, made from the table of operations and the types of their bodies.

Schemas are those of `msgspec.json.schema_components`; nothing is written twice, so the document
cannot drift from the code. It is exercised by schemathesis in the tests.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, inspect

from node.api import problems
from node.api.bodies import NDJSON
from node.api.conditions import FAILED, HEADER, PARAMETER, is_conditional
from node.api.idempotency import MAX_KEY
from node.api.operations import BULK_ANSWER, OPERATIONS, Operation
from node.api.parameters import NoParameters

VERSION: Final = "1"
_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = (
    "The local API of a hotline's node. Errors are problem+json with a stable `code`; `detail`"
    " names the mend and never repeats a value. Within v1 fields are added, never changed."
)
_KEY_PARAMETER: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same request again under the same key gets the same answer.",
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{MAX_KEY}}}$"},
}


class About(NamedTuple):
    """What a document says of the whole; `secret`: where what it takes as a bearer comes from."""

    title: str
    description: str
    secret: str


LOCAL: Final = About("hotline local API", _DESCRIPTION, "hotline token create")


def document(operations: Sequence[Operation] = OPERATIONS, about: About = LOCAL) -> dict[str, Any]:
    """Return the document of these operations as JSON values."""
    types = _body_types(operations)
    refs, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(map(repr, types), refs, strict=True))
    security = {"bearer": {"type": "http", "scheme": "bearer", "description": about.secret}}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _operation(operation, schema_of)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    whole: dict[str, Any] = _portable(
        {
            "openapi": "3.1.0",
            "info": {
                "title": about.title,
                "version": VERSION,
                "description": about.description,
            },
            "paths": paths,
            "components": {"schemas": schemas, "securitySchemes": security},
        }
    )
    return whole


def _body_types(operations: Sequence[Operation]) -> list[Any]:
    types: list[Any] = [problems.Problem, BULK_ANSWER[1]]
    for operation in operations:
        types.extend((operation.takes or {}).values())
        types.extend(kind for _, kind in operation.gives.values())
    return list({repr(kind): kind for kind in types}.values())


def _operation(operation: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, schema_of),
        "security": [] if operation.scope is None else [{"bearer": [str(operation.scope)]}],
    }
    if operation.takes is not None:
        content = {
            name: {"schema": _line_schema(schema_of[repr(kind)], name), **_example(operation, name)}
            for name, kind in operation.takes.items()
        }
        described["requestBody"] = {"required": True, "content": content}
    return described


def _line_schema(schema: dict[str, Any], content_type: str) -> dict[str, Any]:
    """NDJSON as a whole is a text; what a line of it is, is said beside it."""
    if content_type != NDJSON:
        return schema
    line = schema.get("$ref", "").rsplit("/", 1)[-1]
    return {"type": "string", "description": f"One `{line}` a line, in JSON."}


def _example(operation: Operation, content_type: str) -> dict[str, Any]:
    if operation.example is None or content_type == NDJSON:
        return {}
    return {"example": operation.example}


def _links(operation: Operation) -> dict[str, Any]:
    """Say which operations go on with an item that an answer names."""
    if operation.item_at is None:
        return {}
    item = {"item_id": f"$response.body#{operation.item_at}"}
    others = [other.name for other in OPERATIONS if "{item_id}" in other.path]
    return {"links": {name: {"operationId": name, "parameters": item} for name in others}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1}
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": text}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.parameters is not NoParameters:
        found.extend(_query_parameters(operation.parameters))
    if operation.keyed:
        found.append(_KEY_PARAMETER)
    if is_conditional(operation):
        found.append(PARAMETER)
    return found


def _query_parameters(structure: type[msgspec.Struct]) -> list[dict[str, Any]]:
    definitions = msgspec.json.schema(structure)["$defs"]
    properties = definitions[structure.__name__]["properties"]
    info = inspect.type_info(structure)
    assert isinstance(info, inspect.StructType)
    return [
        _query_parameter(field, dict(properties[field.encode_name]), definitions)
        for field in info.fields
    ]


def _query_parameter(
    field: inspect.Field, schema: dict[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    """Describe one parameter; words of a closed list stand in its schema, not beside it."""
    if "allOf" in schema:
        (inner,) = schema.pop("allOf")
        schema.update(inner)
    if "$ref" in schema:
        schema.update(definitions[schema.pop("$ref").rsplit("/", 1)[-1]])
    if field.default is UNSET:
        schema.pop("default", None)
    described = {"name": field.encode_name, "in": "query", "required": False}
    if "description" in schema:
        described["description"] = schema.pop("description")
    return {**described, "schema": schema}


def _responses(operation: Operation, schema_of: dict[str, Any]) -> dict[str, Any]:
    refused = {400, 405, 500, *operation.refuses}
    if operation.scope is not None:
        refused |= {401, 403}
    if is_conditional(operation):
        refused.add(FAILED)
    answers: dict[str, Any] = {}
    for status, (content_type, kind) in operation.gives.items():
        content = {content_type: {"schema": schema_of[repr(kind)]}}
        if status == 200 and NDJSON in (operation.takes or {}):  # noqa: PLR2004
            content[NDJSON] = {"schema": _line_schema(schema_of[repr(BULK_ANSWER[1])], NDJSON)}
        answers[str(status)] = {"description": "Done.", "content": content, **_links(operation)}
        if operation.name == "read_item":
            answers[str(status)]["headers"] = HEADER
    for status in sorted(refused):
        codes = [code for code, number in problems.STATUS.items() if number == status]
        content = {problems.CONTENT_TYPE: {"schema": schema_of[repr(problems.Problem)]}}
        answers[str(status)] = {"description": ", ".join(codes), "content": content}
    return answers


def _portable(value: Any) -> Any:
    r"""Write patterns as ECMA 262 reads them: Python's `\Z` is `$` there."""
    if isinstance(value, dict):
        return {
            name: inner.replace(r"\Z", "$")
            if name == "pattern" and isinstance(inner, str)
            else _portable(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_portable(inner) for inner in value]
    return value
