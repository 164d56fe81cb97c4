"""Takes the endpoint's answers home."""
