"""What hotlines would use instead, beside the node in one run: `make bench-peers`."""
