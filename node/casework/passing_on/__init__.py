"""Who is responsible for an item, how it gets there, and how custody comes back."""
