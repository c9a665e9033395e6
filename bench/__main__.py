"""Print every benchmark's table; medians, and ratios of what was measured in turn."""

import tempfile
from pathlib import Path

from bench import beside, endpoint, imports, loop
from bench.ground import Ground
from console import show


def main() -> None:
    show.err.print("bench: two busy cores are noisy; read medians and ratios", style="dim")
    imports.run()
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        try:
            loop.run(ground)
            endpoint.run(ground)
        finally:
            ground.down()
    with tempfile.TemporaryDirectory() as folder:
        beside.run(Path(folder))


if __name__ == "__main__":
    main()
