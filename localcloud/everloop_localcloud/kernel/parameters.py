"""Declarations of parameters: for each operation the names that the code reads."""


def declared(text: str) -> dict[str, frozenset[str]]:
    """Read lines of `Operation: Name Name`; a line that begins with a space goes on with the last.

    Raises ValueError for an operation that stands there twice.
    """
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in text.strip().splitlines():
        if line.startswith(" "):
            names += line.split()
            continue
        operation, _, rest = line.partition(":")
        if operation in found:
            raise ValueError(f"{operation} is declared twice")
        found[operation] = names = rest.split()
    return {operation: frozenset(names) for operation, names in found.items()}
