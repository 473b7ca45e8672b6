"""`make bench`: what kvmweb adds to a migration, and how right its forecasts are (ARGS="forecast": these alone);
ARGS="convergence": a VM that writes faster than the link carries."""

from __future__ import annotations

import sys

from bench import convergence, forecast, overhead

if __name__ == "__main__":
    if sys.argv[1:2] == ["convergence"]:
        convergence.main(sys.argv[2:])
    elif sys.argv[1:2] == ["forecast"]:
        forecast.main(sys.argv[2:])
    else:
        overhead.main(sys.argv[1:])
        forecast.main([])
