"""Tell whether a built layer runs on both of Lambda's processors: by its files, not by their names.

Each compiled module is there for either machine, as its ELF header says it; each wheel that is no
pure Python is tagged for both.
"""

import re
import struct
import sys
from pathlib import Path
from typing import Final

# e_machine of ELF (EM_X86_64, EM_AARCH64), by what Lambda calls the processor.
MACHINES: Final = {"x86_64": 62, "arm64": 183}
_TAGS: Final = {"x86_64": "x86_64", "arm64": "aarch64"}  # as wheels and file names call them
_NAMED = re.compile(r"\.cpython-(?P<python>\d+)-(?P<machine>[a-z0-9_]+)-linux-gnu\.so$")


def problems(layer: Path, python: str = "313") -> list[str]:
    """Return what stands in the way on either processor; where nothing is compiled, nothing."""
    found: list[str] = []
    modules: dict[str, set[str]] = {}
    for path in sorted(layer.rglob("*")):
        if not path.is_file():
            continue
        processor = _processor(path)
        if processor is None:
            continue
        name = path.relative_to(layer).as_posix()
        said = _NAMED.search(name)
        if said is None or said["python"] != python:
            found.append(f"{name}: compiled, and not named for python {python} and a machine")
        elif said["machine"] != _TAGS.get(processor):
            found.append(f"{name}: its header says {processor}")
        else:
            modules.setdefault(name[: said.start()], set()).add(processor)
    for module, has in modules.items():
        found += [f"{module}: not compiled for {one}" for one in sorted(set(MACHINES) - has)]
    for wheel in sorted(layer.rglob("*.dist-info/WHEEL")):
        tags = re.findall(r"^Tag: (\S+)$", wheel.read_text(), re.MULTILINE)
        missing = [one for one in sorted(MACHINES) if not any(_fits(tag, one) for tag in tags)]
        found += [f"{wheel.parent.name}: no wheel for {one}" for one in missing]
    return found


def _processor(path: Path) -> str | None:
    """Return the processor of an ELF file as its header has it; None for any other file."""
    with path.open("rb") as file:
        head = file.read(20)
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    (machine,) = struct.unpack("<H" if head[5] == 1 else ">H", head[18:20])
    return next((name for name, number in MACHINES.items() if number == machine), f"{machine}")


def _fits(tag: str, processor: str) -> bool:
    return tag.endswith(("-any", f"_{_TAGS[processor]}"))


if __name__ == "__main__":
    wrong = [each for folder in sys.argv[1:] for each in problems(Path(folder))]
    print("\n".join(wrong) or "the layer runs on x86_64 and on arm64")
    sys.exit(bool(wrong))
