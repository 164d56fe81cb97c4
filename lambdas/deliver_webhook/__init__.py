"""Tells a webhook what waits for it, and tries again while nobody answers."""
