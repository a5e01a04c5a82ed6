"""One file a venue or oracle, and the one connection loop."""
