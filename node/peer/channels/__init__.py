"""Both ends of channels: delivering, pulling, receiving."""
