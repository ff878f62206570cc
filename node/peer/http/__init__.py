"""HTTP between members: TLS with pinned keys, signatures, bounds, the listener and its client."""
