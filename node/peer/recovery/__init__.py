"""A lost node comes back: it asks, its peers hand back, what was erased stays erased."""
