"""Everything a program does with a Maskmill service over its REST API: calls, sign-in, upload, runs, sync."""

from maskmill.client.client import Client

__all__ = ["Client"]
