"""Which fields each type of state may have, in each query language, and which it must."""

_LEAVING = {"Next", "End"}
_PATHS = {"InputPath", "OutputPath"}
_RESULT = {"Parameters", "ResultSelector", "ResultPath"}
_TRYING = {"Retry", "Catch"}
_ANY = {"Type", "Comment", "QueryLanguage"}

# Per type: fields in both languages, in JSONPath only, in JSONata only.
_FIELDS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "Pass": (
        _LEAVING | {"Assign"},
        _PATHS | {"Parameters", "Result", "ResultPath"},
        {"Output"},
    ),
    "Task": (
        _LEAVING
        | _TRYING
        | {"Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials", "Assign"},
        _PATHS | _RESULT | {"TimeoutSecondsPath", "HeartbeatSecondsPath"},
        {"Arguments", "Output"},
    ),
    "Choice": ({"Choices", "Default", "Assign"}, _PATHS, {"Output"}),
    "Wait": (
        _LEAVING | {"Seconds", "Timestamp", "Assign"},
        _PATHS | {"SecondsPath", "TimestampPath"},
        {"Output"},
    ),
    "Succeed": (set(), _PATHS, {"Output"}),
    "Fail": ({"Error", "Cause"}, {"ErrorPath", "CausePath"} | _PATHS, set()),
    "Parallel": (
        _LEAVING | _TRYING | {"Branches", "Assign"},
        _PATHS | _RESULT,
        {"Arguments", "Output"},
    ),
    "Map": (
        _LEAVING
        | _TRYING
        | {"ItemProcessor", "Iterator", "ItemReader", "ItemSelector", "ItemBatcher", "Label"}
        | {"ResultWriter", "MaxConcurrency", "ToleratedFailureCount", "Assign"}
        | {"ToleratedFailurePercentage"},
        _PATHS
        | _RESULT
        | {"ItemsPath", "MaxConcurrencyPath", "ToleratedFailureCountPath"}
        | {"ToleratedFailurePercentagePath"},
        {"Items", "Output"},
    ),
}
TYPES = tuple(_FIELDS)
REQUIRED = {"Task": ["Resource"], "Choice": ["Choices"], "Parallel": ["Branches"]}
# Of each pair at most one may be there: the value, or the path to it.
EXCLUSIVE = [
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
]
# Fields whose value is an object, or a text, in both query languages.
OBJECTS = ("Assign", "ProcessorConfig", "Credentials")
TEXTS = ("Resource", "Label")
# Numbers; where JSONata computes them, texts.
NUMBERS = (
    "MaxConcurrency",
    "ToleratedFailureCount",
    "ToleratedFailurePercentage",
    "TimeoutSeconds",
    "HeartbeatSeconds",
)
LISTS = ("Branches", "Choices", "Retry", "Catch")  # of objects
MAY_BE_NULL = ("InputPath", "OutputPath", "ResultPath")
TOP = {"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"}
INNER = {"Comment", "StartAt", "States", "ProcessorConfig", "QueryLanguage"}
RETRIER = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"}
RETRIER |= {"JitterStrategy", "Comment"}
CATCHER = {"ErrorEquals", "Next", "Assign", "Comment"}


def allowed(kind: str, language: str) -> set[str]:
    """Return the fields that a state of this type may have."""
    both, jsonpath, jsonata = _FIELDS[kind]
    return _ANY | both | (jsonata if language == "JSONata" else jsonpath)


def of_other_language(kind: str, language: str) -> set[str]:
    """Return the fields that the type has in the other query language only."""
    other = "JSONPath" if language == "JSONata" else "JSONata"
    return allowed(kind, other) - allowed(kind, language)
