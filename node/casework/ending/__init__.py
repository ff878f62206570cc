"""How items end: by a person, by retention, never while they are held."""
