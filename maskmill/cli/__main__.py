"""`python -m maskmill.cli` is the `maskmill` command; it knows nothing else."""

from maskmill.cli.main import app

app(prog_name="maskmill")
