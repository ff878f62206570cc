"""Items: their states, what is open about them before a person, their erasure, their views."""
