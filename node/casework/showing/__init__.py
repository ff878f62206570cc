"""What other systems see of the items: views, and the feed of changes."""
