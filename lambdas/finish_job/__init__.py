"""Writes a finished job's dataset and closes the job."""
