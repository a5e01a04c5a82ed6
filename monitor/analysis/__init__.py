"""Pure analysis beside the engine: arrays of a book image in, records out; nothing waits for it."""
