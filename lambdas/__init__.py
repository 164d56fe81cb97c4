"""The functions of the service: one folder per verb, `handler.py` at the edge and `logic.py` for the decisions."""
