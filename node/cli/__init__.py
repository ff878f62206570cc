"""The command line: `hotline VERB`.

Thin by rule: a verb reads the configuration, calls a function of one room, and shows what came
back. Nothing heavy is imported until a verb needs it, so that `hotline --help` answers at once.
Exit codes stand in `exits`, the shape of output and errors in `output` and `main`.
"""

from __future__ import annotations


def main() -> None:
    """Run the command that was typed, and exit with its code (`node.cli.exits`)."""
    import sys

    from node.cli.main import run

    sys.exit(run(sys.argv[1:]))
