"""Splits a job into items and sends them on their way."""
