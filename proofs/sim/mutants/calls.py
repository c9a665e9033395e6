"""Flaws in how AWS's answers are taken."""

from proofs.sim.mutants.mutant import CORE, Mutant

FLAWS = (
    Mutant(
        "log the rows that an endpoint is tested with",
        f"{CORE}/aws/storage.py",
        """Range=f"bytes=0-{first_bytes - 1}")
        return answer["Body"].read()
""",
        """Range=f"bytes=0-{first_bytes - 1}")
        data = answer["Body"].read()
        print({"read": data})
        return data
""",
    ),
    Mutant(
        "take a throttle for a bug",
        f"{CORE}/aws/clients.py",
        '    "ThrottlingException": NotReady,\n',
        "",
    ),
    Mutant(
        "take a lost connection for a bug",
        f"{CORE}/aws/clients.py",
        "except (ConnectionError, HTTPClientError) as error:",
        "except ZeroDivisionError as error:",
    ),
    Mutant(
        "take a busy endpoint for a bug",
        f"{CORE}/aws/endpoints.py",
        'if code_of(error) == "ValidationException" and busy:',
        "if False:",
    ),
    Mutant(
        "take what exists for an error",
        f"{CORE}/aws/endpoints.py",
        """        if code_of(error) != "ValidationException":
            raise
        refused = error
    found = _model(name)""",
        """        raise
    found = _model(name)""",
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
        f"{CORE}/flows/freezing.py",
        """    uri = storage.write_once(
        settings().artefact_bucket,
        f"datasets""",
        """    uri = storage.write(
        settings().artefact_bucket,
        f"datasets""",
    ),
    Mutant(
        "take a cut call of an endpoint for a bug",
        f"{CORE}/aws/endpoints.py",
        '        with translated(f"endpoint {endpoint}"):\n            answer =',
        "        if True:\n            answer =",
    ),
    Mutant(
        "take a throttled look at a config for a bug",
        f"{CORE}/aws/endpoints.py",
        '        with translated(f"endpoint config {name}"):\n            return sage',
        "        if True:\n            return sage",
        "takes throttling that outlasts all tries at a call that only a second attempt makes: "
        "`make sim` strikes it on purpose, chance does in one history of some hundred (seed 219)",
    ),
    Mutant(
        "take a lost reply to a new group for a bug",
        f"{CORE}/aws/registry.py",
        '"already exist" not in str(error).lower()',
        "True",
    ),
)
