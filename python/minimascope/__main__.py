"""`python -m minimascope`: the command."""

import sys

from minimascope._program import main

if __name__ == "__main__":
    sys.exit(main())
