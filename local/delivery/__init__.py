"""How a stage gets into an account and out of it again: `python -m local.delivery bootstrap|deploy|destroy`."""
