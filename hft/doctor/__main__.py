"""`python -m hft.doctor`, the same as `hft doctor`."""

from hft.doctor.command import main

raise SystemExit(main())
