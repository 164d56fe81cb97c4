"""Finished items as a dataset that other tools read, and a variant made again from it; it knows no storage."""
