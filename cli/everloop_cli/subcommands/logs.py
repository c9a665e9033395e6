"""everloop logs: what a model's jobs, or its endpoint, print."""

import click

from everloop_cli import options, show


@click.command()
@click.argument("model")
@click.option("--run", metavar="ID", help="Of which training (default: the newest).")
@click.option("--endpoint", is_flag=True, help="Of the endpoint that serves.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the training ends, or Ctrl-C.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="How many lines of each job, the newest.",
)
@options.stack
def logs(
    model: str,
    run: str | None,
    endpoint: bool,
    follow: bool,
    most: int,
    stack: str,
    as_json: bool,
) -> None:
    """Print what the jobs of a MODEL's training printed, step by step, or its endpoint.

    With --json each line is one.
    """
    from everloop_cli import models, printed

    if run and endpoint:
        raise click.UsageError("--run is of a training, --endpoint of what serves: say one of them")
    options.open_stack(stack)
    models.known(model)
    if endpoint:
        of, lines = model, printed.of_endpoint(model, most, follow=follow)
    else:
        of, arn = printed.of_run(model, run, most)
        lines = printed.of_execution(arn, most, follow=follow)
    if not as_json:
        show.progress(f"{'endpoint' if endpoint else 'run'} {of}")
    count = 0
    for line in lines:
        count += 1
        if as_json:
            time = line.time.isoformat().replace("+00:00", "Z")
            show.emit_line({"step": line.step, "job": line.job, "time": time, "text": line.text})
        else:
            at = show.mark(f"{line.time:%H:%M:%S} {line.step:<10} ", show.QUIET)
            show.out.print(at, line.text, sep="", soft_wrap=True)
    if not count:
        kept = "nothing was printed yet, or its log is not kept any more"
        show.progress(f"{kept}: everloop status {model} says what runs", as_json=as_json)
