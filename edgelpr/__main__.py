"""``python -m edgelpr`` is the ``edgelpr`` command."""

from __future__ import annotations

from edgelpr.cli.main import main

if __name__ == "__main__":
    main()
