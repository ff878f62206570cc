"""Verdicts go with contents: what is the same, what lists and members say of it, who is told."""
