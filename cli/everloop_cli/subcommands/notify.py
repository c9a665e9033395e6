"""everloop notify: who hears what the stack tells people, and whether it reaches them."""

from datetime import UTC, datetime

import click

from everloop_cli import options, show


@click.command()
@click.argument("model", required=False)
@click.option("--test", "test", is_flag=True, help="Send a message, to see whether it arrives.")
@options.stack
def notify(model: str | None, test: bool, stack: str, as_json: bool) -> None:
    """Show who is notified: by mail, by chat, or by what else subscribes to the stack's topic.

    With MODEL of its own topic, where model.toml has one.
    """
    from everloop.aws import account, ledger, people
    from everloop.aws.subscribers import subscribers
    from everloop_cli import models

    options.open_stack(stack)
    spec = ledger.installed(models.known(model)).spec if model else None
    topic = people.topic_of(spec)
    found = [
        {"protocol": each.protocol, "address": each.address, "confirmed": each.confirmed}
        for each in subscribers(topic)
    ]
    if test:
        who = account.caller()
        people.send_test(topic, model=model, by=who.arn, time=who.at or datetime.now(UTC))
    if as_json:
        show.emit_json({"topic": topic, "subscribers": found, "sent": test})
        return
    rows = [
        (
            each["protocol"],
            each["address"],
            show.mark("yes", show.GOOD)
            if each["confirmed"]
            else show.mark("no: AWS sends it nothing until it is", show.WAIT),
        )
        for each in found
    ]
    show.table(f"Who hears {topic}", ("by", "address", "confirmed"), rows)
    if not rows:
        add = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU"
        show.out.print(f"nobody; add somebody: {add}", style=show.WAIT)
    if test:
        show.out.print("sent a test message: see whether it arrives", style=show.QUIET)
