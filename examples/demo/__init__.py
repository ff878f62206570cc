"""The demo: a synthetic world of `.example` sites, and the programs that make it live."""
