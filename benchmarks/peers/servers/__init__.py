"""Programs that run in an environment of their own, not in the project's."""
