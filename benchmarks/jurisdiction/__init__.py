"""How often the country databases are right, against what providers publish; see README.md."""
