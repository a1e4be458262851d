"""``python -m affectbio``: the command line without its script."""

from affectbio.cli import main

if __name__ == "__main__":
    main()
