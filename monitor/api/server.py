"""The HTTP server inside the daemon's event loop."""
