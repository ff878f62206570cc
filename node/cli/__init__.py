"""The command line: `hotline VERB`.

Thin by rule: a verb reads the configuration, calls a function of one room, and shows what came
back. Nothing heavy is imported until a verb needs it, so that `hotline --help` answers at once.
Exit codes stand in `exits`, the shape of output and errors in `output` and `main`.

The collector of cyclic garbage looks seldom: what importing makes stays for ever, and by default
it would walk all of that again and again meanwhile, a sixth of the time until a node is ready.
"""

from __future__ import annotations

GARBAGE_FIRST = 50_000
"""Values made, less those gone, before the collector looks at what is new."""


def main() -> None:
    """Run the command that was typed, and exit with its code (`node.cli.exits`)."""
    import gc
    import sys

    gc.set_threshold(GARBAGE_FIRST, 20, 50)

    from node.cli.main import run

    sys.exit(run(sys.argv[1:]))
