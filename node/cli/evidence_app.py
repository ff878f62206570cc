"""Options of `hotline evidence ...`. Each body imports its room only when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from node.cli.output import show
from node.cli.verbs import group

evidence_app = group("What can be proved to others.")


@evidence_app.command("export")
def evidence_export(
    item: Annotated[str, typer.Argument(help="Id of an item, or of a verdict on files.")],
    output: Annotated[
        Path | None, typer.Option(help="File to make; default: ITEM.evidence.json.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Write a bundle that proves what was sent and received about an item or a verdict."""
    from node.cli import evidence

    return show(evidence.export(config, item, output), as_json=json)


@evidence_app.command("verify")
def evidence_verify(
    file: Annotated[Path, typer.Argument(help="A bundle or another proof.")],
    root: Annotated[
        str | None, typer.Option(help="Fingerprint of the network; default: the one joined.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Check a bundle offline, with nothing but the bundle and the pinned root."""
    from node.cli import evidence

    return show(evidence.verify(config, file, root), as_json=json)


@evidence_app.command("forks")
def evidence_forks(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """List the proofs that a member split its history."""
    from node.cli import evidence

    return show(evidence.forks(config), as_json=json)


@evidence_app.command("fork")
def evidence_fork(
    number: Annotated[int, typer.Argument(help="As `evidence forks` numbers it.")],
    output: Annotated[
        Path | None, typer.Option(help="File to make; default: fork-NUMBER.evidence.json.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Write one of them to a file that anybody checks offline."""
    from node.cli import evidence

    return show(evidence.fork(config, number, output), as_json=json)


@evidence_app.command("contradictions")
def evidence_contradictions(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> int:
    """List where a member's ledger says something else than it signed in a channel with us."""
    from node.cli import contradictions

    return show(contradictions.contradictions(config), as_json=json)


@evidence_app.command("contradiction")
def evidence_contradiction(
    number: Annotated[int, typer.Argument(help="As `evidence contradictions` numbers it.")],
    output: Annotated[
        Path | None,
        typer.Option(help="File to make; default: contradiction-NUMBER.evidence.json."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Write one of them to a file that anybody checks offline."""
    from node.cli import contradictions

    return show(contradictions.contradiction(config, number, output), as_json=json)


@evidence_app.command("answer")
def evidence_answer(
    file: Annotated[Path, typer.Argument(help="A contradiction that accuses this member.")],
    output: Annotated[
        Path | None, typer.Option(help="File to make; default: answer.evidence.json.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> int:
    """Answer a contradiction with proof that its sender forked, if this node holds it."""
    from node.cli import contradictions

    return show(contradictions.answer(config, file, output), as_json=json)
