"""Sees to the masks of a chunk of items: known ones go to rendering, missing ones to the endpoint."""
