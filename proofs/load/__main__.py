"""Print what a burst of objects and a crowd of models cost; exits with 1 where one was lost."""

import argparse
import sys
import tempfile
from pathlib import Path

from everloop_cli import show
from proofs.bench.ground import Ground
from proofs.load import burst, crowd


def main() -> int:
    parser = argparse.ArgumentParser(prog="proofs.load")
    parser.add_argument("--objects", default="1000,10000", help="sizes of the bursts")
    parser.add_argument("--models", default="100,1000", help="how many models there are in the end")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        try:
            if given.objects:
                burst.run(ground, Path(folder), _sizes(given.objects))
            if given.models:
                crowd.run(ground, _sizes(given.models))
        except AssertionError as error:
            show.err.print(f"load: {error}", style="red")
            return 1
        finally:
            ground.down()
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(",") if each)


if __name__ == "__main__":
    sys.exit(main())
