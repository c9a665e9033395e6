"""Flaws in how AWS's answers are taken."""

from proofs.planting import Code, Entry
from proofs.sim.mutants.mutant import Mutant

FLAWS = (
    Mutant(
        "log the rows that an endpoint is tested with",
        Code(
            "aws.storage",
            "return answer['Body'].read()",
            "data = answer['Body'].read()\nprint({'read': data})\nreturn data",
        ),
    ),
    Mutant(
        "take a throttle for a bug",
        Code("aws.clients", "'ThrottlingException'", "'AnotherException'"),
    ),
    Mutant(
        "take a lost connection for a bug",
        Code("aws.clients", "(ConnectionError, HTTPClientError)", "ZeroDivisionError"),
    ),
    Mutant(
        "take a busy endpoint for a bug",
        Code("aws.endpoints", "code_of(error) == 'ValidationException' and busy", "False"),
    ),
    Mutant(
        "take what exists for an error",
        Code(
            "aws.endpoints.ensure_model",
            "if code_of(error) != 'ValidationException':\n    raise\nrefused = error",
            "refused = error\nraise",
        ),
    ),
    Mutant(
        "give up when a function dies",
        Entry(
            "statemachines/train.asl.yaml",
            "States/*/Retry/*/ErrorEquals/Sandbox.Timedout|Runtime.ExitError",
        ),
    ),
    Mutant(
        "give up a release when a function dies",
        Entry(
            "statemachines/deploy.asl.yaml",
            "States/*/Retry/*/ErrorEquals/Sandbox.Timedout|Runtime.ExitError",
        ),
    ),
    Mutant(
        "write a frozen dataset again",
        Code("flows.freezing", "storage.write_once", "storage.write"),
    ),
    Mutant(
        "take a cut call of an endpoint for a bug",
        Code("aws.endpoints.invoke", "translated(...)", "__import__('contextlib').nullcontext()"),
    ),
    Mutant(
        "take a throttled look at a config for a bug",
        Code("aws.endpoints._config", "translated(...)", "__import__('contextlib').nullcontext()"),
        why="takes throttling that outlasts all tries at a call that only a second attempt "
        "makes: `make sim` strikes it on purpose, chance does in one history of some "
        "hundred (seed 219)",
    ),
    Mutant(
        "take a lost reply to a new group for a bug",
        Code("aws.registry", "'already exist' not in str(error).lower()", "True"),
    ),
)
