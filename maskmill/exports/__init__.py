"""Finished items as a dataset that other tools read; it knows no storage and no pixels."""
