"""The cases: which script, and what is sent to it. The recorder reads them, too."""

from typing import NamedTuple


class Case(NamedTuple):
    """Parts of an inference.py (what is not given is the container's own), and a request."""

    name: str
    body: bytes = b"1,2\n3,4\n"
    content_type: str | None = "text/csv"
    accept: str | None = None
    input_fn: str = ""
    predict_fn: str = "return data"
    output_fn: str = ""
    transform_fn: str = ""

    @property
    def script(self) -> str:
        lines = ["import numpy as np", "def model_fn(folder):", "    return Model()"]
        lines += ["class Model:", "    def predict(self, data):", "        return data.sum(axis=1)"]
        parts = [
            ("input_fn(body, content_type)", self.input_fn),
            ("predict_fn(data, model)", self.predict_fn),
            ("output_fn(prediction, accept)", self.output_fn),
            ("transform_fn(model, body, content_type, accept)", self.transform_fn),
        ]
        for head, text in parts:
            if text and not (self.transform_fn and "transform" not in head):
                lines += [f"def {head}:", f"    {text}"]
        return "\n".join(lines) + "\n"


KIND = "return type(body).__name__ + ' ' + str(content_type)"
SAY = "return str(prediction)"
CASES = (
    Case("a handler that raises in input_fn", input_fn="raise ValueError('no colour')"),
    Case(
        "a format that input_fn does not take",
        content_type="application/x-unknown",
        input_fn="raise ValueError(content_type)",
    ),
    Case("a format that the container does not take", content_type="application/x-unknown"),
    Case("a handler that raises in predict_fn", predict_fn="raise KeyError('weights')"),
    Case("a handler that raises in output_fn", output_fn="raise TypeError('no text')"),
    Case("transform_fn that raises", transform_fn="raise ValueError('no')"),
    Case("only a text", output_fn="return '1\\n2\\n'"),
    Case("only bytes", output_fn="return b'1\\n2\\n'"),
    Case("only a text, JSON asked", accept="application/json", output_fn="return '[1]'"),
    Case("a text and its type", output_fn="return '1\\n', 'text/csv'"),
    Case("a text and JSON's type", output_fn="return '[1]', 'application/json'"),
    Case("a text and the type asked", accept="text/csv", output_fn="return '1\\n', accept"),
    Case("bytes and a type of bytes", output_fn="return b'\\x00', 'application/octet-stream'"),
    Case("a text and XML's type", output_fn="return '<a/>', 'application/xml'"),
    Case("a dict", output_fn="return {'b': 1, 'a': [2]}"),
    Case("a list", output_fn="return [1, 2]"),
    Case("a number", output_fn="return 7"),
    Case("an array", output_fn="return np.ones(2)"),
    Case("nothing", output_fn="return None"),
    Case("an empty text", output_fn="return ''"),
    Case("transform_fn with a type", transform_fn="return str(content_type), 'text/csv'"),
    Case("transform_fn with a text", transform_fn="return str(accept)"),
    Case("the default accept", output_fn="return accept"),
    Case("any accept", accept="*/*", output_fn="return accept"),
    Case("accept with a weight", accept="text/csv;q=0.5", output_fn="return accept"),
    Case("CSV comes as text", input_fn=KIND, output_fn=SAY),
    Case(
        "CSV with a charset", content_type="text/csv; charset=utf-8", input_fn=KIND, output_fn=SAY
    ),
    Case("JSON comes as text", content_type="application/json", input_fn=KIND, output_fn=SAY),
    Case("others come as bytes", content_type="text/plain", input_fn=KIND, output_fn=SAY),
    Case("no content type", content_type=None, input_fn=KIND, output_fn=SAY),
    Case("no body", body=b"", input_fn=KIND, output_fn=SAY),
    Case("all by the container", predict_fn=""),
    Case("all by the container, CSV asked", accept="text/csv", predict_fn=""),
    Case("all by the container, of JSON", b"[[1, 2]]", "application/json", predict_fn=""),
    Case("one row by the container", body=b"1,2\n", predict_fn=""),
    Case("CSV with words by the container", body=b"red,2\n", predict_fn=""),
    Case("an answer in a format that the container does not have", accept="text/html"),
    Case("JSON that is none", b"{", "application/json"),
)
