"""What an operator asks of a deployed service, with rights of its account; users of the service need none of it."""
