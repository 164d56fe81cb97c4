"""The small SAM that stands for the real one in tests: its scenes, its training, its weights."""
