"""Repairs what was lost, and counts what it repaired."""
