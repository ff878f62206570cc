"""Bringing a node into being: `staging` (all or nothing), `member` (init), `joining` (join).

What stands already is never overwritten. A set-up that was interrupted either never happened or is
finished by the next attempt.
"""
