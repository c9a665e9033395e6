"""Flaws in what is released, and how."""

from proofs.sim.mutants.mutant import CORE, Mutant

FLAWS = (
    Mutant(
        "release what is not wanted any more",
        "functions/plan_release.py",
        "go = decision.go and wanted is not None and wanted.version == request.version",
        "go = True",
    ),
    Mutant(
        "release beside another release",
        "functions/plan_release.py",
        'return {"go": False, "reason": "another release of this model came first"}',
        "pass",
        "takes two executions of one epoch for two versions, both past their look: seed 95",
    ),
    Mutant(
        "update without a last look",
        "functions/start_rollout.py",
        "    _check_approval(request.package_arn)\n    endpoints.update(",
        "    endpoints.update(",
    ),
    Mutant(
        "release what another version has overtaken",
        "functions/start_rollout.py",
        "if wanted is not None and wanted.version != request.version:",
        "if False:",
    ),
    Mutant(
        "test what was never staged",
        "statemachines/deploy.asl.yaml",
        'Condition: "{% $staging.started %}"',
        'Condition: "{% true %}"',
    ),
    Mutant(
        "create without a last look",
        "functions/start_rollout.py",
        "        _check_approval(request.package_arn)\n        endpoints.create(endpoint, config)",
        "        endpoints.create(endpoint, config)",
    ),
    Mutant(
        "look, and release all the same",
        "functions/start_rollout.py",
        "if not package.deployable:",
        "if False:",
    ),
    Mutant(
        "move an endpoint before the token lies",
        "functions/start_rollout.py",
        "    ledger.put_token(token, request.time)\n",
        "",
    ),
    Mutant(
        "update to what serves already",
        "functions/start_rollout.py",
        'elif serving.status == "InService" and serving.config == config:',
        "elif False:",
    ),
    Mutant(
        "leave production as somebody staged it",
        f"{CORE}/decisions/releases.py",
        "if serving is not None and serving.serves(wanted.version):",
        "if now == wanted.version:",
        "takes an update by hand to the config that stages the very version that should serve, and "
        "no release after it",
    ),
    Mutant(
        "take what was brought by hand for a rollback",
        f"{CORE}/decisions/releases.py",
        "    if arrived(rollout):\n        since",
        "    if False:\n        since",
        why="takes an update by hand between a rollout's last step and its release's end",
    ),
    Mutant(
        "take what has no reason for a rollback",
        f"{CORE}/decisions/releases.py",
        "    if why:\n        return ROLLED_BACK",
        "    if True:\n        return ROLLED_BACK",
        why="takes an update by hand before the rollout's last step is seen",
    ),
    Mutant(
        "take what was brought by hand for released",
        f"{CORE}/decisions/releases.py",
        "if serving is not None and serving.serves(version) and",
        "if serving is not None and serving.version == version and",
        "takes tests that never end while a person brings what they test to production: 1101 once",
    ),
    Mutant(
        "hear of no failed rollout",
        "functions/start_rollout.py",
        "armed = Token(subject, request.token, request.model, request.execution, config, True)",
        "armed = Token(subject, request.token, request.model, request.execution, config, False)",
    ),
    Mutant(
        "pass every test",
        "functions/test_endpoint.py",
        "passed = all(test.passed for test in tests)",
        "passed = True",
    ),
    Mutant(
        "believe any score",
        f"{CORE}/decisions/endpoint_tests.py",
        "passed = worst <= tolerance",
        "passed = True",
    ),
    Mutant(
        "release without tests",
        "statemachines/deploy.asl.yaml",
        'Condition: "{% $tests.passed %}"',
        'Condition: "{% true %}"',
    ),
    Mutant(
        "leave staging behind",
        "functions/finish_release.py",
        "        endpoints.delete(names.staging_endpoint(request.model))\n",
        "        pass\n",
    ),
    Mutant(
        "clean up after another's release",
        "functions/finish_release.py",
        "if mine and not policy.deploy(installed.spec).keep_staging:",
        "if not policy.deploy(installed.spec).keep_staging:",
        "harms only where two releases were begun at once, and the one that never had the lease "
        "fails with an error while the other's staging endpoint is up",
    ),
    Mutant(
        "keep the release lease",
        "functions/finish_release.py",
        "    ledger.free_lease(request.model, RELEASE, request.execution)\n",
        "",
    ),
    Mutant(
        "look for no other release",
        "functions/finish_release.py",
        "    return _start_next(request, installed, outcome, reason)\n\n",
        '    return {"outcome": outcome, "ok": outcome == RELEASED, "reason": reason}\n\n',
    ),
    Mutant(
        "forget how a release ended",
        "functions/finish_release.py",
        "    ledger.put_release(request.model, release, _report_uri(request))\n",
        "",
    ),
    Mutant(
        "write a release down before it is told",
        "functions/finish_release.py",
        '    report.decided(\n        "serve" if',
        '    ledger.put_release(request.model, release, )\n    report.decided(\n        "serve" if',
        "seen only where a release dies before its lease, and its end once more: seed 1460",
    ),
    Mutant(
        "tell nobody of a failed release",
        "functions/finish_release.py",
        "    people.notify(told, installed.spec, request.time)\n",
        "",
    ),
    Mutant(
        "release what failed, again and again",
        f"{CORE}/decisions/releases.py",
        "if package.deployable and not _failed_since_approval(package, releases):",
        "if package.deployable:",
    ),
    Mutant(
        "take a stamp on a package for an approval",
        f"{CORE}/decisions/releases.py",
        "return self.approved_at or self.modified_at",
        "return self.modified_at",
    ),
    Mutant(
        "want the oldest version",
        f"{CORE}/decisions/releases.py",
        "key=lambda package: package.version, reverse=True)",
        "key=lambda package: package.version)",
    ),
    Mutant(
        "want what nobody approved",
        f"{CORE}/decisions/releases.py",
        'return self.approval == "Approved" and self.status == "Completed"',
        'return self.status == "Completed"',
    ),
    Mutant(
        "take a busy endpoint for a free one",
        f"{CORE}/decisions/releases.py",
        "    if serving is not None and not serving.settled:\n",
        "    if False:\n",
        why="who moves an endpoint for us has the lease, and is seen before: takes a look in the "
        "minutes of an update by hand that changes what is wanted",
    ),
    Mutant(
        "release while paused",
        f"{CORE}/decisions/releases.py",
        "if paused and (now is None or approved):",
        "if False:",
    ),
    Mutant(
        "pause keeps what was withdrawn in service",
        f"{CORE}/decisions/releases.py",
        "if paused and (now is None or approved):",
        "if paused:",
    ),
    Mutant(
        "what serves on is not told",
        f"{CORE}/flows/mending.py",
        """    elif decision.facts.get("stays"):
""",
        "    elif False:\n",
    ),
    Mutant(
        "withdrawals bring nothing back",
        f"{CORE}/decisions/releases.py",
        """    word = "replaces" if wanted.version > now else "brings back the version before"
""",
        """    if wanted.version < now:
        return Decision(False, "there is a newer one", facts), None
    word = "replaces"
""",
    ),
    Mutant(
        "train while paused",
        f"{CORE}/flows/training.py",
        "    if installed.paused:\n        return Decision(False, installed.paused)\n",
        "",
    ),
    Mutant(
        "release what was tampered with",
        f"{CORE}/flows/sealing.py",
        "    if said:\n        raise Tampered",
        "    if False:\n        raise Tampered",
    ),
    Mutant(
        "leave a failed endpoint where it is",
        "template.yaml",
        "endpoint/* # production's as well",
        "endpoint/*-staging # production's as well",
    ),
    Mutant(
        "call a release that arrived a failure",
        "statemachines/deploy.asl.yaml",
        "Next: Serving? # what failed",
        "Next: Not released # what failed",
        "takes an error that outlasts all tries of a state, and ends before those of the report, "
        "while the endpoint arrives",
    ),
    Mutant(
        "count as rolled back what AWS had no room for",
        "functions/finish_release.py",
        "lacked = releases.lacked(outcome, request.rollout, request.error)",
        "lacked = None",
    ),
)
