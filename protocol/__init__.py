"""What is said between members.

Entries, channels, checkpoints, receipts and messages as pure values and pure transitions over
bytes: no input or output, no clock, no randomness of its own, no logging. `docs/protocol.md` is the
norm; this package is its implementation and imports only `keys` and the encoding libraries.
"""
