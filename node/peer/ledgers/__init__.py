"""Ledgers: kept, witnessed, compared with those of others."""
