"""What was said and is taken back: here, by others, and every consequence of it."""
