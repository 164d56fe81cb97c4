"""The `maskmill` command: arguments, words and progress bars; what is done lies in maskmill.client."""
