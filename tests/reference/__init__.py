"""The slow twin: the rules of the engine once more, obvious instead of fast."""
