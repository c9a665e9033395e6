"""Flaws in what is released, and how."""

from proofs.planting import Code, Entry
from proofs.sim.mutants.mutant import Mutant

FLAWS = (
    Mutant(
        "release what should not serve any more",
        Code(
            "functions.plan_release",
            "decision.go and package is not None and (package.version == request.version)",
            "True",
        ),
    ),
    Mutant(
        "release beside another release",
        Code(
            "functions.plan_release",
            "return {'go': False, 'reason': 'another release of this model came first'}",
        ),
        why="takes two executions of one epoch for two versions, both past their look: seed 95",
    ),
    Mutant(
        "update without a last look",
        Code("functions.start_rollout._update", "_check_approval(...)"),
    ),
    Mutant(
        "release what another version has overtaken",
        Code(
            "functions.start_rollout",
            "other is not None",
            "False",
        ),
    ),
    Mutant(
        "test what was never staged",
        Entry(
            "statemachines/deploy.asl.yaml",
            "States/Staging begun?/Choices/Next=Test endpoint/Condition",
            '"{% true %}"',
        ),
    ),
    Mutant(
        "create without a last look",
        Code("functions.start_rollout._start_update", "_check_approval(...)"),
    ),
    Mutant(
        "look, and release all the same",
        Code("functions.start_rollout", "not package.deployable", "False"),
    ),
    Mutant(
        "move an endpoint before the token lies",
        Code("functions.start_rollout", "ledger.put_token(token, request.time)"),
    ),
    Mutant(
        "update to what serves already",
        Code(
            "functions.start_rollout",
            "serving.status == 'InService' and serving.config == config",
            "False",
        ),
    ),
    Mutant(
        "leave production as somebody staged it",
        Code(
            "decisions.releases",
            "serving is not None and serving.serves(desired.version)",
            "serving is not None and serving.version == desired.version",
        ),
        why="takes an update by hand to the config that stages the very version that should "
        "serve, and no release after it",
    ),
    Mutant(
        "take what was brought by hand for a rollback",
        Code("decisions.release_ends", "arrived(...)", "False"),
        why="takes an update by hand between a rollout's last step and its release's end",
    ),
    Mutant(
        "take what has no reason for a rollback",
        Code(
            "decisions.release_ends",
            "if why:\n    return ROLLED_BACK, ...",
            "return ROLLED_BACK, str(why)",
        ),
        why="takes an update by hand before the rollout's last step is seen",
    ),
    Mutant(
        "take what was brought by hand for released",
        Code("decisions.release_ends", "serving.serves(version)", "serving.version == version"),
        why="takes tests that never end while a person brings what they test to production: "
        "1101 once",
    ),
    Mutant(
        "hear of no failed rollout",
        Code(
            "functions.start_rollout",
            "Token(subject, request.token, request.model, request.execution, config, True)",
            "Token(subject, request.token, request.model, request.execution, config, False)",
        ),
    ),
    Mutant("pass every test", Code("functions.probe_endpoint", "all(...)", "True")),
    Mutant("believe any score", Code("decisions.endpoint_tests", "worst <= tolerance", "True")),
    Mutant(
        "release without tests",
        Entry(
            "statemachines/deploy.asl.yaml",
            "States/Tests passed?/Choices/Next=Start production/Condition",
            '"{% true %}"',
        ),
    ),
    Mutant(
        "leave staging behind",
        Code("functions.finish_release", "endpoints.delete(...)", everywhere=True),
    ),
    Mutant(
        "clean up after another's release",
        Code(
            "functions.finish_release",
            "mine and (not policy.deploy(installed.spec).keep_staging)",
            "not policy.deploy(installed.spec).keep_staging",
        ),
        why="harms only where two releases were begun at once, and the one that never had the"
        " lease fails with an error while the other's staging endpoint is up",
    ),
    Mutant(
        "keep the release lease",
        Code("functions.finish_release", "ledger.free_lease(...)", everywhere=True),
    ),
    Mutant(
        "look for no other release",
        Code(
            "functions.finish_release",
            "_start_next(request, installed, outcome, reason)",
            "{'outcome': outcome, 'ok': outcome == RELEASED, 'reason': reason}",
        ),
    ),
    Mutant(
        "forget how a release ended", Code("functions.finish_release", "ledger.put_release(...)")
    ),
    Mutant(
        "write a release down before people are notified",
        Code(
            "functions.finish_release",
            "release = Release(...)",
            "...\nledger.put_release(request.model, release)",
        ),
        why="seen only where a release dies before its lease, and its end once more: seed 1460",
    ),
    Mutant(
        "tell nobody of a failed release", Code("functions.finish_release", "people.notify(...)")
    ),
    Mutant(
        "release what failed, again and again",
        Code(
            "decisions.releases",
            "package.deployable and (not _failed_since_approval(package, releases))",
            "package.deployable",
        ),
    ),
    Mutant(
        "take a stamp on a package for an approval",
        Code("decisions.releases", "self.approved_at or self.modified_at", "self.modified_at"),
    ),
    Mutant(
        "want the oldest version",
        Code(
            "decisions.releases",
            "sorted(packages, key=lambda package: package.version, reverse=True)",
            "sorted(packages, key=lambda package: package.version)",
        ),
    ),
    Mutant(
        "want what nobody approved",
        Code(
            "decisions.releases",
            "self.approval == 'Approved' and self.status == 'Completed' and (not self.barred)",
            "self.status == 'Completed' and (not self.barred)",
        ),
    ),
    Mutant(
        "take a busy endpoint for a free one",
        Code("decisions.releases", "serving is not None and (not serving.settled)", "False"),
        why="who moves an endpoint for us has the lease, and is seen before: takes a look in "
        "the minutes of an update by hand that changes what is desired",
    ),
    Mutant(
        "release while paused",
        Code("decisions.releases", "not against and paused and (now is None or approved)", "False"),
    ),
    Mutant(
        "pause keeps what was withdrawn in service",
        Code(
            "decisions.releases",
            "not against and paused and (now is None or approved)",
            "not against and paused",
        ),
    ),
    Mutant(
        "release outside of deploy windows",
        Code("decisions.releases", "allowed != desired", "False"),
    ),
    Mutant(
        "what serves on is not reported",
        Code("flows.repairing", "decision.stays", "''", everywhere=True),
    ),
    Mutant(
        "withdrawals bring nothing back",
        Code(
            "decisions.releases",
            "if against:\n    ...",
            "if against or desired.version < (now or 0):\n"
            "    return replace(decision, reason=against or 'there is a newer one')",
        ),
    ),
    Mutant(
        "train while paused",
        Code(
            "flows.training", "if installed.paused:\n    return Decision(False, installed.paused)"
        ),
    ),
    Mutant(
        "release what was tampered with",
        Code("flows.sealing", "if changes:\n    raise Tampered(...)"),
    ),
    Mutant(
        "leave a failed endpoint where it is",
        Entry(
            "template.yaml",
            "Resources/StartRolloutRole/Properties/Policies/*/PolicyDocument/Statement/Action=sagemaker:DeleteEndpoint/Resource",
            "!Sub arn:${AWS::Partition}:sagemaker:${AWS::Region}:${AWS::AccountId}:endpoint/*-staging",
        ),
    ),
    Mutant(
        "call a release that arrived a failure",
        Entry("statemachines/deploy.asl.yaml", "States/Report failure/Next", "Not released"),
        why="takes an error that outlasts all tries of a state, and ends before those of the "
        "report, while the endpoint arrives",
    ),
    Mutant(
        "count as rolled back what AWS had no room for",
        Code("functions.finish_release", "release_ends.lacked(...)", "None"),
    ),
    Mutant(
        "count as rolled back what was held by an earlier try",
        Code("functions.finish_release", "lacked is not None", "lacked is not None and mine"),
        why="takes a function that dies as it gives its lease back: seed 14",
    ),
)
