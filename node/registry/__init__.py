"""The registry of the network: how it is made, kept, fetched and mirrored.

`keys.registry` says what is believed; this room does everything effectful around it. `create`,
`admit` and `serve` are the umbrella's; `admission` and `publish` have a member's side and the
umbrella's; `updater`, `trust` and `mirror` are every node's. Nothing here prints: the command line
calls these functions.
"""
