"""`python -m urbextag`: the command line."""

from urbextag.cli.app import main

if __name__ == "__main__":
    main()
