"""Stops what costs money, and lets it run again."""
