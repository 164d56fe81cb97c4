"""Maskmill: a folder of photos and a few clicks become a masked, edited, labelled dataset."""

__version__ = "0.1.0"
