"""Where things are hosted and who is to be told: hosters, contacts, origins that are asked for."""
