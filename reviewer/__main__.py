"""Starts the command line, as `reviewer` and as `python -m reviewer`."""

import sys

from reviewer import cli


def main() -> None:
    """Run the command line and end with its exit code."""
    sys.exit(cli.main())


if __name__ == "__main__":
    main()
