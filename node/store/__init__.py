"""Where everything durable lives. No SQL, connection or row id outside this package.

Three small roles, each defined beside its user, are satisfied by one database: cases
(`node.casework.desk`), outbox and inbox (`node.peer`). Each method is one read-decide-write inside
a transaction of the one writer thread; the decision is a pure function handed in by the caller.
"""
