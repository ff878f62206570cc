"""The two ends of channels: what waits, what is in custody, what was refused or erased."""
