"""Messages as a chat shows them, in the form of AWS's own chat service.

Amazon Q Developer in chat applications (once AWS Chatbot) brings what a topic gets to Slack and
Teams, if it has this form:
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
Its texts are markdown, so that what others wrote is kept from meaning anything in it.
"""

from typing import Any, Final

from everloop import messages
from everloop.messages import Message

# Texts are short, as chats cut long ones; the mail has the whole.
_TITLE: Final = 200
_DESCRIPTION: Final = 3000
_STEP: Final = 300
_STEPS: Final = 5
_PLAIN: Final = str.maketrans({"<": "‹", ">": "›", "*": "∗", "`": "ˋ", "~": "∼"})


def document(message: Message, region: str) -> dict[str, Any]:
    """Return a message in the schema of custom notifications."""
    subject = f"{messages.whose(message)}: {message.happened}"
    parts = [_plain(message.why.strip())]
    if message.numbers:
        shown = messages.shown_numbers(message.numbers)
        parts.append("\n".join(f"• {_plain(name)}: *{_plain(is_)}*" for name, is_ in shown.items()))
    links: list[str] = []
    for name, address in messages.addresses(message, region):
        line = f"{_plain(name)}: {address}"
        # They stand whole or not at all.
        if address.startswith("https://") and len("\n".join([*links, line])) < _DESCRIPTION:
            links.append(line)
    text = _cut("\n\n".join(part for part in parts if part), _DESCRIPTION - len("\n".join(links)))
    description = "\n\n".join(part for part in (text, "\n".join(links)) if part)
    document: dict[str, Any] = {
        "version": "1.0",
        "source": "custom",
        "id": message.id,
        "content": {
            "textType": "client-markdown",
            "title": _cut(_plain(" ".join(subject.split())), _TITLE),
            "description": description,
            "keywords": [message.model, message.kind],
        },
        "metadata": {
            # What is told of one version stands together.
            "threadId": messages.whose(message),
            "summary": _cut(_plain(" ".join(subject.split())), _TITLE),
            "eventType": message.kind,
        },
    }
    steps = [_step(line) for line in message.to_do if line.strip()]
    if steps:
        document["content"]["nextSteps"] = steps[:_STEPS]
    return document


def _step(line: str) -> str:
    """Return a step; a command, which is indented, is set as code."""
    text = _cut(_plain(line.strip()), _STEP)
    return f"`{text}`" if line.startswith(" ") or text.startswith("everloop ") else text


def _plain(text: str) -> str:
    """Keep a text from being markup: mentions, links and styles are only text."""
    return str(text).translate(_PLAIN)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(most - 1, 0)].rstrip()}…"
