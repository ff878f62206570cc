"""Other members: sending to them, receiving from them, and the HTTP between."""
