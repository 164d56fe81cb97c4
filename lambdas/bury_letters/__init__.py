"""Turns dead letters into failed items with a reason."""
