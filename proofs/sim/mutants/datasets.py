"""Flaws in how arrivals become datasets."""

from proofs.planting import Code
from proofs.sim.mutants.mutant import Mutant

FLAWS = (
    Mutant(
        "swallow a batch that could not be collected",
        Code("functions.collect_data", "failed += [received.message for received in batch]"),
    ),
    Mutant(
        "swallow an arrival that cannot be read",
        Code("functions.collect_data", "failed.append(...)"),
    ),
    Mutant(
        "collect data and start no training",
        Code(
            "flows.collecting",
            "started = training.start_on_data(...)",
            "return added\nstarted = None",
        ),
    ),
    Mutant(
        "freeze before the drop is quiet",
        Code("functions.freeze_dataset", "not complete.complete", "False"),
    ),
    Mutant(
        "count an object again when it comes again",
        Code(
            "records.arrival.seen",
            "Put(seen_key(model, id), ...)",
            "Put(seen_key(model, id), {'window': window})",
        ),
    ),
    Mutant(
        "put an arrival into a closed window",
        Code("records.window.grow", "'#number = :number'", "'#number >= :number'"),
    ),
    Mutant(
        "let the quiet period begin with whoever collects last",
        Code(
            "records.window.extend",
            "'#number = :number AND (attribute_not_exists(#last_at) OR #last_at < :last_at)'",
            "'#number = :number'",
        ),
    ),
    Mutant(
        "close a window that has changed since",
        Code(
            "records.window.close",
            "'#number = :number AND #objects = :objects'",
            "'#number = :number'",
        ),
    ),
    Mutant(
        "let a late marker close the next window",
        Code("decisions.windows", "window.marker and (not _outdated(window))", "window.marker"),
    ),
    Mutant(
        "take the oldest version of a key",
        Code(
            "decisions.windows",
            "arrival is not None and one is None and (not closed)",
            "arrival is not None and (not closed)",
        ),
    ),
    Mutant(
        "take what lies below a delete marker",
        Code("decisions.windows", "marker is not None or state == WITHDRAWN", "state == WITHDRAWN"),
    ),
    Mutant("forget what was set aside", Code("decisions.windows", "state == SET_ASIDE", "False")),
    Mutant(
        "call bad files a failure of the model",
        Code(
            "flows.concluding",
            "run_files is not None and run_files.bad and (concluded.outcome == FAILED)",
            "False",
        ),
    ),
    Mutant(
        "never look for what no event reported",
        Code("functions.reconcile", "troubled += sweeping.sweep(...)"),
    ),
    Mutant(
        "train on a manifest from before a deletion",
        Code(
            "flows.freezing",
            "closed.outcome is not None",
            "closed.outcome is not None or closed.digest is not None",
        ),
    ),
)
