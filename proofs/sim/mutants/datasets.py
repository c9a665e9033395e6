"""Flaws in how arrivals become datasets."""

from proofs.sim.mutants.mutant import CORE, Mutant

FLAWS = (
    Mutant(
        "swallow a batch that could not be collected",
        "functions/collect_data.py",
        "failed += [received.message for received in batch]",
        "pass",
    ),
    Mutant(
        "swallow an arrival that cannot be read",
        "functions/collect_data.py",
        'failed.append(record["messageId"])',
        "pass",
    ),
    Mutant(
        "collect data and start no training",
        f"{CORE}/flows/collecting.py",
        "asked = training.start_on_data(installed, window, now)",
        "return added",
    ),
    Mutant(
        "freeze before the drop is quiet",
        "functions/freeze_dataset.py",
        "if not complete.complete:",
        "if False:",
    ),
    Mutant(
        "count an object again when it comes again",
        f"{CORE}/aws/arrivals.py",
        'condition="attribute_not_exists(#pk)" + (" OR #window < :number" if again else ""),\n'
        '                **({"number": window.number} if again else {}),\n',
        "",
    ),
    Mutant(
        "put an arrival into a closed window",
        f"{CORE}/aws/arrivals.py",
        """            condition="#number = :number",
            first=text(min""",
        """            condition="#number >= :number",
            first=text(min""",
    ),
    Mutant(
        "let the quiet period begin with whoever collects last",
        f"{CORE}/aws/arrivals.py",
        '"#number = :number AND (attribute_not_exists(#last_at) OR #last_at < :last)"',
        '"#number = :number"',
    ),
    Mutant(
        "close a window that has changed since",
        f"{CORE}/aws/arrivals.py",
        'condition="#number = :number AND #objects = :objects",',
        'condition="#number = :number",',
    ),
    Mutant(
        "let a late marker close the next window",
        f"{CORE}/decisions/windows.py",
        "if window.marker and not _outdated(window):",
        "if window.marker:",
    ),
    Mutant(
        "take the oldest version of a key",
        f"{CORE}/decisions/windows.py",
        "elif arrival is not None and one is None and not closed:",
        "elif arrival is not None and not closed:",
    ),
    Mutant(
        "take what lies below a delete marker",
        f"{CORE}/decisions/windows.py",
        "if marker is not None or state == WITHDRAWN:",
        "if state == WITHDRAWN:",
    ),
    Mutant(
        "forget what was set aside",
        f"{CORE}/decisions/windows.py",
        "elif state == SET_ASIDE:",
        "elif False:",
    ),
    Mutant(
        "call bad files a failure of the model",
        f"{CORE}/flows/concluding.py",
        "if found is not None and found.bad and concluded.outcome == FAILED:",
        "if False:",
    ),
    Mutant(
        "never look for what no event told of",
        "functions/reconcile.py",
        "troubled += sweeping.sweep(request.time, models)",
        "pass",
    ),
    Mutant(
        "train on a manifest from before a deletion",
        f"{CORE}/flows/freezing.py",
        "if closed.outcome is not None:",
        "if closed.outcome is not None or closed.digest is not None:",
    ),
)
