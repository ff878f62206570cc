"""Options of the verbs by which holders sign what they were sent, each on a machine of his own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.network_app import NETWORK_CONFIG, KeyOption, network_app
from node.cli.options import ConfigOption, JsonOption
from node.cli.output import show

ThresholdOption = Annotated[int | None, typer.Option(min=1, help="How many of them must sign.")]


@network_app.command("proposal")
def network_proposal(
    file: Annotated[Path, typer.Argument(help="File to make.")],
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Write what waits for signatures into a file for holders elsewhere."""
    from node.cli import ceremony

    return show(ceremony.proposal(config, file), as_json=json)


@network_app.command("countersign")
def network_countersign(
    file: Annotated[Path, typer.Argument(help="The proposal.")],
    *,
    root: Annotated[
        str | None, typer.Option(help="Fingerprint of the network; none: it is a new one.")
    ] = None,
    key: KeyOption = None,
    unlock: Annotated[str | None, typer.Option(help="Secret of the key files.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to make.")] = None,
    config: ConfigOption = NETWORK_CONFIG,  # noqa: ARG001 - a holder elsewhere has none
    json: JsonOption = False,
) -> int:
    """Show what a proposal says; with --key, sign it. Needs no network and no configuration."""
    from node.cli import ceremony

    return show(ceremony.countersign(file, root, key or (), unlock, out), as_json=json)


@network_app.command("collect")
def network_collect(
    files: Annotated[list[Path], typer.Argument(help="What holders made with countersign.")],
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Put the signatures of holders elsewhere together; publish if they suffice."""
    from node.cli import ceremony

    return show(ceremony.collect(config, files), as_json=json)


@network_app.command("holders")
def network_holders(
    *,
    root_key: Annotated[
        list[str] | None,
        typer.Option(help="Public key of each who signs root from then on (hex); repeatable."),
    ] = None,
    root_threshold: ThresholdOption = None,
    targets_key: Annotated[
        list[str] | None,
        typer.Option(help="Public key of each who signs targets from then on (hex); repeatable."),
    ] = None,
    targets_threshold: ThresholdOption = None,
    key: KeyOption = None,
    config: ConfigOption = NETWORK_CONFIG,
    json: JsonOption = False,
) -> int:
    """Show who signs root and targets, or propose others and how many of them must."""
    from node.cli import ceremony

    return show(
        ceremony.holders(
            config,
            (root_key or (), root_threshold),
            (targets_key or (), targets_threshold),
            key or (),
        ),
        as_json=json,
    )


@network_app.command("rekey")
def network_rekey(
    key: KeyOption = None, config: ConfigOption = NETWORK_CONFIG, json: JsonOption = False
) -> int:
    """Make other snapshot and timestamp keys, and propose a root with them: for theft or loss."""
    from node.cli import ceremony

    return show(ceremony.rekey(config, key or ()), as_json=json)
