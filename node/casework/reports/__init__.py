"""Reports as they are handed in: from drafts to facts, and what is new in them."""
