"""Raw rows for verification; nothing here is believed, and nothing here writes."""
