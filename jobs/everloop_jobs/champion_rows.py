"""Write a candidate's holdout as the champion is sent rows, for the transform job that scores it.

Only where that differs from how the candidate is sent them: by other columns, or with a header.
"""

import transform_files
from container import INPUT, JobError, output, read_json, run


def main() -> str:
    spec = read_json(INPUT / "champion-code" / "spec.json")
    names = None
    if spec["train"].get("algorithm"):
        kept = INPUT / "champion-reference" / "evaluation.json"
        names = read_json(kept).get("features") if kept.exists() else None
        if names is None:
            raise JobError("the columns that the champion was trained on are not known any more")
    folder = output(transform_files.OUTPUT)
    holdout = INPUT / "holdout" / "data.csv"
    if not holdout.exists():
        raise JobError("holdout/data.csv is missing among the job's inputs")
    transform_files.written("holdout", holdout, folder, spec, names)
    files = len(list(folder.iterdir()))
    return f"Completed: the holdout is {files} requests to the champion"


if __name__ == "__main__":
    run(main)
