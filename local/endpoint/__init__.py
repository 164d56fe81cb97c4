"""A stand-in for SageMaker asynchronous inference: SageMaker's wire contract before a real model server.

It runs no model and knows nothing of what travels through it.
"""
