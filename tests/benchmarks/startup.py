"""How long the command takes before it does anything: ``python tests/benchmarks/startup.py [rounds]``."""

from __future__ import annotations

import sys

from stopwatch import medians, run

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import readybook": ["-c", "import readybook"],
    "import of the command": ["-c", "import readybook.__main__"],
    "readybook --help": ["-m", "readybook", "--help"],
    "readybook checks --format json": ["-m", "readybook", "checks", "--format", "json"],
}


def main(rounds: int) -> None:
    """Print the median of each command."""
    taken = medians({name: lambda arguments=arguments: run(arguments) for name, arguments in COMMANDS.items()}, rounds)
    print(f"Python {sys.version.split()[0]}, medians of {rounds}")
    for name, each in taken.items():
        print(f"{name:32} {each.seconds:7.3f} s {each.megabytes:7.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
