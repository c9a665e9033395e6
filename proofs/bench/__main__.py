"""Print every benchmark's table; medians, and ratios of what was measured in turn."""

import sys
import tempfile
from pathlib import Path

from everloop_cli import show
from proofs.bench import beside, critical_path, endpoint, imports, loop, page
from proofs.bench.ground import Ground


def main() -> int:
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
        critical_path.run(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        page.run(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        unable = beside.run(Path(folder))
    if unable:
        show.err.print(f"bench: the laptop's cloud could not do: {', '.join(unable)}")
    return 1 if unable else 0


if __name__ == "__main__":
    sys.exit(main())
