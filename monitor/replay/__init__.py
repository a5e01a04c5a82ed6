"""Recordings, the player, history as events, and the demo exchange."""
