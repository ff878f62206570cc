"""Where an item is hosted: looked up, kept with its evidence, looked up again."""
