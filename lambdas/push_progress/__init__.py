"""Tells of the progress of jobs, from the stream of the table."""
