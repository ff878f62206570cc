"""The life of an item: what is recorded, who is responsible, what was judged and done.

An item's state is a fold over immutable events. Every rule is a pure function of (state, command,
now, ids) that returns events and messages; the store runs it inside a transaction.
"""
