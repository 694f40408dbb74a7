"""``python -m hft.reconcile``."""

from hft.reconcile.command import main

raise SystemExit(main())
