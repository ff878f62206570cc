"""Ledgers: this member's own, what it cosigned for others, and what views of both were shown."""
