"""Moving an embedded store to a PostgreSQL server while its node works (ADR 0024).

Every table is found in the schema of the file; there is no list that could forget one. Nothing here
is imported unless a store is moved: the driver is the extra `postgres`.
"""
