"""The stacks, each one sentence of the whole; they know each other only by what they hand over."""
