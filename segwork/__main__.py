"""``python -m segwork``."""

from segwork.cli import main

if __name__ == "__main__":
    main()
