"""The functions of the service: one folder per verb, `handler.py` at the edge and `logic.py` for the decisions."""

import gc

# A function begins by making some hundred thousand objects that live as long as it does. Looking for garbage among them
# every few hundred, as Python does, takes a sixth of its start.
gc.set_threshold(20_000)
