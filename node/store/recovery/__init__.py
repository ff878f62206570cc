"""What a lost node gets back, gives back, and disowns; what waits for a person after a restore."""
