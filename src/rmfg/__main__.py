"""`python -m rmfg` is the command line."""

import sys

from rmfg.cli import main

sys.exit(main())
