"""The local API: reports in, work recorded, changes out; for the hotline's own people and systems.

`operations` is the list of what it offers, from which both the routes (`app`) and the OpenAPI
document (`openapi`) are made. `service` says what is needed of the rest of the node, `access` who
may call, `idempotency` how a repeated request is answered, `problems` how errors look. The handlers
stand in `reports`, `items`, `changes` and `tokens`. Nothing here decides about a case.
"""
