"""``python -m transnet``."""

import sys

from transnet.cli import main

if __name__ == "__main__":
    sys.exit(main())
