"""What anyone can check: signed heads of the history, a walk over all logs, evidence bundles."""
