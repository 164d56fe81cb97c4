"""Maskmill's whole cloud on a laptop: emulator, deployment, endpoint and processes. Nothing here runs on AWS."""
