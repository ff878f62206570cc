"""What the node tells about itself: log lines, metrics, health. Ids, codes, counts; nothing else.

`logs` lets through only fields of a closed table, each in a form that no URL, hash or address fits;
`metrics` declares every metric with its labels; `routes` serves them on the local listener.
"""
