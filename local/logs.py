"""`python -m local.logs FUNCTION [LINES]`: what a function of the running laptop logged last. It starts nothing."""

import sys

from local.aws import client, recent_logs
from local.cloud import RUNNING
from local.emulator.environment import REPOSITORY

LINES = 20


def main(arguments: list[str]) -> int:
    url = (REPOSITORY / ".maskmill" / RUNNING).read_text()
    names = [one["FunctionName"] for one in client("lambda", url).list_functions()["Functions"]]
    wanted = arguments[0].replace("_", "-") if arguments else ""
    for name in names:
        if wanted in name.replace("_", "-"):
            print(f"== {name}\n{recent_logs(url, name, lines=int(arguments[1]) if len(arguments) > 1 else LINES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
