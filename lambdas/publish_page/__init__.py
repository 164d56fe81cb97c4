"""Lays a release of the page down where it is served from."""
