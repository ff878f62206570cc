"""Options that every verb takes, declared once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config",
        "-c",
        envvar="HOTLINE_CONFIG",
        help="Configuration file of this node.",
        metavar="FILE",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of text for people.")
]
TIME_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M%z"]
DEFAULT_CONFIG = Path("node.toml")

FileForm = Literal["csv", "ndjson", "json"]
Cause = Literal["withdrawal", "error", "retention"]
FileEncoding = Literal["utf-8", "cp1252"]
EndpointOption = Annotated[
    str | None, typer.Option(help="https://HOST:PORT for peers; none: cannot be reached.")
]
UmbrellaOption = Annotated[
    str | None,
    typer.Option(help="Where network serve answers; needed where the mirrors are members."),
]
HsmOption = Annotated[
    str | None,
    typer.Option(help="Token for log and receipt keys: pkcs11:token=LABEL?module-path=FILE."),
]
HsmPinOption = Annotated[
    str | None, typer.Option(help="Where the token's PIN is: file:, env: or command:.")
]
StoreOption = Annotated[
    str | None, typer.Option(help="postgresql://... of an empty database; default: a file.")
]
NewUnlockOption = Annotated[
    str | None, typer.Option(help="Secret of the key files; default: file:DIR.unlock, made.")
]
NewConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration to write; DIR/node.toml.")
]
SequenceOption = Annotated[
    int, typer.Option(min=1, help="To replace lost keys: as network admit --replace-key says.")
]
CountriesOption = Annotated[
    list[str] | None, typer.Option(help="Country code (ISO 3166-1 alpha-2); repeatable.")
]
BeforeOption = Annotated[
    Path | None, typer.Option(help="To replace lost keys: the member's document in force.")
]
StorePasswordOption = Annotated[
    str | None, typer.Option(help="Where its password is: file:, env: or command:.")
]


def utc_ms(moment: datetime) -> int:
    """Milliseconds of a time as typed; without a zone it is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
