"""`python -m civicloop.cli`."""

import sys

from civicloop.cli import main

sys.exit(main())
