"""Circuit breakers: one file a rule."""
