"""Renders the variants of one item."""
