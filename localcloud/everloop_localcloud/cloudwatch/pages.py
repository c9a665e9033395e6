"""Long answers, a page at a time."""

from typing import Any

from everloop_localcloud.kernel.errors import AwsError

Row = dict[str, Any]


def page(items: list[Any], request: Row, member: str, most: int) -> Row:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidNextToken", "The next token is invalid.")
    first = int(token)
    answer: Row = {member: items[first : first + most]}
    if first + most < len(items):
        answer["NextToken"] = str(first + most)
    return answer
