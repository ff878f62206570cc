"""Where is it hosted, and how do we know: locations, names, countries, with evidence."""
