"""The same store in PostgreSQL, for a node that outgrows one machine's disk (ADR 0020).

Nothing here is imported unless `[store] url` is set: the driver is the extra `postgres`.
"""
