"""`python -m bench`: the command line."""

from bench.cli.app import main

if __name__ == "__main__":
    main()
