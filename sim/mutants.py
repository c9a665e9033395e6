"""Flaws to plant in the product, one at a time: does the judge see them?

Each is one change of text in one file. `why` is there for a mutant that no history can tell from
the product: it says what it would take.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    before: str
    after: str
    why: str = ""


_CORE = "layers/core/everloop"

MUTANTS = (
    # arrivals and datasets
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
        "functions/collect_data.py",
        "asked = training.start_on_data(installed, window, now)",
        "return",
    ),
    Mutant(
        "freeze before the drop is quiet",
        "functions/freeze_dataset.py",
        "if not complete.complete:",
        "if False:",
    ),
    Mutant(
        "count an object again when it comes again",
        f"{_CORE}/aws/arrivals.py",
        """                condition="attribute_not_exists(#pk)",
            )
        )
        actions.append(""",
        """            )
        )
        actions.append(""",
    ),
    Mutant(
        "put an arrival into a closed window",
        f"{_CORE}/aws/arrivals.py",
        """            condition="#number = :number",
            first=first,""",
        """            condition="#number >= :number",
            first=first,""",
    ),
    Mutant(
        "close a window that has changed since",
        f"{_CORE}/aws/arrivals.py",
        'condition="#number = :number AND #objects = :objects",',
        'condition="#number = :number",',
    ),
    Mutant(
        "let a late marker close the next window",
        f"{_CORE}/decisions/windows.py",
        "if window.marker and not _outdated(window):",
        "if window.marker:",
    ),
    Mutant(
        "take the oldest version of a key",
        f"{_CORE}/decisions/windows.py",
        "if other is None or _order(arrival, other) > _order(other, arrival):",
        "if other is None or _order(arrival, other) < _order(other, arrival):",
    ),
    # training
    Mutant(
        "train whatever the governor says",
        "functions/start_training.py",
        "if not allowed.go:",
        "if False:",
    ),
    Mutant(
        "train although another training runs",
        "functions/start_training.py",
        'return _refuse(request, name, reason, {"later": True})',
        "pass",
    ),
    Mutant(
        "start before the token lies",
        "functions/start_training.py",
        """    ledger.put_token(
        Token(subject, request.token, request.model, request.execution, "", True), request.time
    )
    _record""",
        "    _record",
    ),
    Mutant(
        "name a run by its delivery",
        "functions/start_training.py",
        "names.run_token(request.model, request.window, *fingerprint)",
        "names.digest([request.token])",
    ),
    Mutant(
        "forget what was started",
        "functions/start_training.py",
        "    _record(request, name, fingerprint, runs, allowed)\n",
        "",
    ),
    Mutant(
        "let an orphaned run go on",
        "functions/start_training.py",
        "if names.is_training_run(request.model, other.display_name, but=name):",
        "if False:",
    ),
    Mutant(
        "keep the training lease",
        "functions/finish_training.py",
        "    ledger.free_lease(request.model, TRAINING, request.execution)\n",
        "",
    ),
    Mutant(
        "forget that a window was trained",
        "functions/finish_training.py",
        'if not died and not (request.run or {}).get("later"):',
        "if False:",
    ),
    Mutant(
        "take a dead machine for a failed training",
        "functions/finish_training.py",
        "died = request.error is not None and",
        "died = False and request.error is not None and",
    ),
    Mutant(
        "leave what arrived meanwhile",
        "functions/finish_training.py",
        "left = training.start_left_over(installed, request.time, but=request.window)",
        'return {"outcome": outcome, "ok": outcome not in (FAILED, STOPPED), "reason": reason}',
    ),
    Mutant(
        "tell nobody of a failed training",
        "functions/finish_training.py",
        "        _tell(installed, ledger.runs(request.model), outcome, reason, name)\n",
        "",
    ),
    Mutant(
        "spend more than the budget",
        f"{_CORE}/decisions/governor.py",
        "if spent >= most:",
        "if False:",
    ),
    Mutant(
        "train the same data and code again",
        f"{_CORE}/decisions/governor.py",
        "if fingerprint == (run.dataset_digest, run.bundle_digest) and run.outcome in _CONCLUSIVE:",
        "if False:",
    ),
    Mutant(
        "let violations not cool down",
        f"{_CORE}/decisions/governor.py",
        "if last is not None and now - last < cooldown:",
        "if False:",
    ),
    Mutant(
        "answer a violation that was answered",
        "functions/heed_violation.py",
        'if report.was_decided("retrain", id=trouble.fact, model=trouble.model):',
        "if False:",
    ),
    # judging
    Mutant(
        "judge nobody",
        "functions/heed_registry.py",
        "decision = judging.start_evaluation(package)",
        'return {"go": False, "reason": ""}',
    ),
    Mutant(
        "forget who approved",
        "functions/heed_registry.py",
        """        report.decided(
            "approve",""",
        """        (lambda *_, **__: None)(
            "approve",""",
    ),
    Mutant(
        "believe the event",
        "functions/heed_registry.py",
        "go=package.approval == APPROVED,",
        'go=event["detail"]["ModelApprovalStatus"] == APPROVED,',
    ),
    Mutant(
        "compare with nobody",
        "functions/plan_comparison.py",
        "if champion is None or champion == candidate.package.version:",
        "if True:",
    ),
    Mutant(
        "overrule people",
        "functions/judge_candidate.py",
        "if package.approval != PENDING:",
        "if False:",
    ),
    Mutant(
        "approve whatever the verdict",
        "functions/judge_candidate.py",
        "status = APPROVED if verdict.verdict == judgement.APPROVED else REJECTED",
        "status = APPROVED",
    ),
    Mutant(
        "ask nobody",
        "functions/judge_candidate.py",
        "        _ask(candidate, verdict.reason)\n",
        "        pass\n",
    ),
    Mutant(
        "approve what is not better",
        f"{_CORE}/decisions/judgement.py",
        "    if not better.go:\n",
        "    if False:\n",
    ),
    Mutant(
        "approve where a person decides",
        f"{_CORE}/decisions/judgement.py",
        "if rules.by == PERSON:",
        "if False:",
    ),
    Mutant(
        "approve the first where a person decides",
        f"{_CORE}/decisions/judgement.py",
        "if first and rules.first == PERSON:",
        "if False:",
    ),
    # releasing
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
        f"{_CORE}/decisions/endpoint_tests.py",
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
        "if ended is not None and ledger.lease",
        "if False and ended is not None and ledger.lease",
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
        "following = releasing.start_wanted(",
        "following = (lambda *_: Release)(",
    ),
    Mutant(
        "forget how a release ended",
        "functions/finish_release.py",
        "    ledger.put_release(request.model, release, request.tests or {})\n",
        "",
    ),
    Mutant(
        "tell nobody of a failed release",
        "functions/finish_release.py",
        '        people.tell(f"{request.model} v{request.version} was not released", reason)\n',
        "        pass\n",
    ),
    Mutant(
        "release what failed, again and again",
        f"{_CORE}/decisions/releases.py",
        "if package.deployable and not _failed_since_approval(package, releases):",
        "if package.deployable:",
    ),
    Mutant(
        "want the oldest version",
        f"{_CORE}/decisions/releases.py",
        "key=lambda package: package.version, reverse=True)",
        "key=lambda package: package.version)",
    ),
    Mutant(
        "want what nobody approved",
        f"{_CORE}/decisions/releases.py",
        'return self.approval == "Approved" and self.status == "Completed"',
        'return self.status == "Completed"',
    ),
    Mutant(
        "take a busy endpoint for a free one",
        f"{_CORE}/decisions/releases.py",
        "    if serving is not None and not serving.settled:\n",
        "    if False:\n",
    ),
    Mutant(
        "release while paused",
        f"{_CORE}/decisions/releases.py",
        "if paused and not withdrawn:",
        "if False:",
    ),
    Mutant(
        "train while paused",
        f"{_CORE}/flows/training.py",
        "    if installed.paused:\n        return Decision(False, installed.paused)\n",
        "",
    ),
    Mutant(
        "release what was tampered with",
        "layers/core/everloop/flows/sealing.py",
        "    if said:\n        raise Tampered",
        "    if False:\n        raise Tampered",
    ),
    # waking and mending
    Mutant(
        "wake nobody",
        "functions/wake.py",
        "found = waking.look_at_run(fact.execution_arn)",
        'found = ""',
    ),
    Mutant(
        "wake no release",
        "functions/wake.py",
        "found = waking.look_at_endpoint(fact.endpoint)",
        'found = ""',
    ),
    Mutant(
        "take a wake that came late for an error",
        f"{_CORE}/aws/machines.py",
        "if code_of(error) in _GONE:\n            return False\n        raise",
        "raise",
    ),
    Mutant(
        "wake before what was asked for has begun",
        f"{_CORE}/flows/waking.py",
        "if not arrived and not (token.armed and serving.settled):",
        "if not arrived and not serving.settled:",
    ),
    Mutant(
        "leave the leases of the dead",
        f"{_CORE}/flows/mending.py",
        "        if ledger.free_lease(model, kind, lease.holder):\n            yield",
        "        if False:\n            yield",
    ),
    Mutant(
        "mend no window",
        f"{_CORE}/flows/mending.py",
        "    yield from _window(installed, now)\n",
        "",
    ),
    Mutant(
        "mend no judgement",
        f"{_CORE}/flows/mending.py",
        "    yield from _judgements(installed, now)\n",
        "",
    ),
    Mutant(
        "mend no release",
        f"{_CORE}/flows/mending.py",
        "    yield from _release(installed, now)\n",
        "",
    ),
    Mutant(
        "mend no schedule",
        f"{_CORE}/flows/mending.py",
        "    yield from _schedule(installed)\n",
        "",
    ),
    # the ledger
    Mutant(
        "let two decisions have one place",
        f"{_CORE}/aws/journal.py",
        """                        condition="attribute_not_exists(#pk)",
                    ),
                    table.action_update(
                        model_key(entry.model, "CHAIN"),
                        "SET #seq = :seq, #hash = :hash",
                        condition="attribute_not_exists(#seq) OR #seq = :before",
""",
        """                    ),
                    table.action_update(
                        model_key(entry.model, "CHAIN"),
                        "SET #seq = :seq, #hash = :hash",
""",
    ),
    Mutant(
        "tell the bus of no decision",
        f"{_CORE}/aws/journal.py",
        '        publish("Decision Recorded", decision)\n',
        "",
    ),
    Mutant(
        "take any lease",
        f"{_CORE}/aws/ledger.py",
        'condition="(attribute_not_exists(#holder) OR #holder = :free OR #holder = :holder "',
        'condition="(attribute_not_exists(#holder) OR #holder <> :free OR #holder = :free "',
    ),
    # talking to AWS
    Mutant(
        "take a throttle for a bug",
        f"{_CORE}/aws/clients.py",
        '    "ThrottlingException": NotReady,\n',
        "",
    ),
    Mutant(
        "take a lost connection for a bug",
        f"{_CORE}/aws/clients.py",
        "except (ConnectionError, HTTPClientError) as error:",
        "except ZeroDivisionError as error:",
    ),
    Mutant(
        "take a busy endpoint for a bug",
        f"{_CORE}/aws/endpoints.py",
        'if code_of(error) == "ValidationException" and busy:',
        "if False:",
    ),
    Mutant(
        "take what exists for an error",
        f"{_CORE}/aws/endpoints.py",
        """    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise
        refused = error
    try:
        with translated(f"model {name}"):
            found: Any = sagemaker().describe_model(""",
        """    except ClientError as error:
        raise
    try:
        with translated(f"model {name}"):
            found: Any = sagemaker().describe_model(""",
    ),
    Mutant(
        "give up when a function dies",
        "statemachines/train.asl.yaml",
        "Sandbox.Timedout, Runtime.ExitError, NotReady",
        "NotReady",
    ),
    Mutant(
        "give up a release when a function dies",
        "statemachines/deploy.asl.yaml",
        "Sandbox.Timedout, Runtime.ExitError, NotReady",
        "NotReady",
    ),
    Mutant(
        "write a frozen dataset again",
        "functions/freeze_dataset.py",
        """    uri = storage.write_once(
        settings().artefact_bucket,
        f"datasets""",
        """    uri = storage.write(
        settings().artefact_bucket,
        f"datasets""",
    ),
)
