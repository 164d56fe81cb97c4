"""Writes a finished dataset in the form that another tool reads."""
