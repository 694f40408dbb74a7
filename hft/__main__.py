"""``python -m hft``: the command line, as ``hft`` is."""

from hft.cli import main

if __name__ == "__main__":
    main()
