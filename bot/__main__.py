"""`python -m bot` is `asyncify`."""

from bot.cli import main

if __name__ == "__main__":
    main()
