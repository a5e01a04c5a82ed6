"""The functional core: facts in, decisions out. No clock, no input or output, no logging."""
