"""The command line: ``hft run``, ``start``, ``stop``, ``reload``, ``status``, ``flatten``, ...

`start`, `stop`, `reload` and `status` ask the running engine through its control socket, as the
dashboard does.  What a command needs is imported when it runs, so that ``hft version`` answers at
once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hft.errors import ExitCode, HftError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # Local values may be secrets.
    pretty_exceptions_show_locals=False,
    help="A low-latency trading system.",
)

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
_NO_ENGINE = 1

DataDir = Annotated[
    Path | None,
    typer.Option(help="folder of the running engine; else that of ./config.toml, else the demo's"),
]


def main() -> None:
    """Run the command line; leaves with the exit code."""
    app()


@app.command(context_settings=_PASSED_ON)
def run(context: typer.Context) -> None:
    """Run the house, like python -m hft.supervisor (same options)."""
    from hft.supervisor import main as supervise

    raise typer.Exit(supervise(context.args))


@app.command()
def start(data_dir: DataDir = None) -> None:
    """Let the running engine trade; lifts a halt."""
    _order("start", data_dir)


@app.command()
def stop(data_dir: DataDir = None) -> None:
    """Halt trading; open positions stay as they are and the engine keeps running."""
    _order("stop", data_dir)


@app.command()
def reload(data_dir: DataDir = None) -> None:
    """Read the config file again: limits and parameters change, everything else needs a restart."""
    _order("reload", data_dir)


@app.command()
def status(data_dir: DataDir = None) -> None:
    """Say what runs, and whether it trades."""
    answer = _ask("status", data_dir)
    trading = answer["sentence"] if answer["latched"] else "trading"
    typer.echo(f"{answer['mode']}: {answer['strategy']}, {trading}")
    typer.echo(f"  {answer['summary']}")
    typer.echo(f"  {answer['dashboard_url']}")
    for role, life in answer["lives"].items():
        restarts = answer["restarts"][role]
        typer.echo(f"  {role:<10} {life}{f', restarted {restarts} times' if restarts else ''}")


@app.command(context_settings=_PASSED_ON)
def flatten(context: typer.Context) -> None:
    """Cancel all orders and close all positions over REST, engine running or not."""
    from hft import flatten as flatten_room

    raise typer.Exit(flatten_room.main(context.args))


@app.command(context_settings=_PASSED_ON)
def doctor(context: typer.Context) -> None:
    """Check config, keys, venue, streams, machine and database; says what to mend."""
    from hft.doctor.command import main as examine

    raise typer.Exit(examine(context.args))


@app.command(context_settings=_PASSED_ON)
def reconcile(context: typer.Context) -> None:
    """Compare fills and funding with the venue's income ledger; exit 0 only if nothing differs."""
    from hft.reconcile.command import main as compare

    raise typer.Exit(compare(context.args))


@app.command(context_settings=_PASSED_ON)
def record(context: typer.Context) -> None:
    """Record a venue's market streams to a file that --replay plays."""
    from hft.record import main as record_streams

    raise typer.Exit(record_streams(context.args))


@app.command(context_settings=_PASSED_ON)
def stat(context: typer.Context) -> None:
    """Show everything live in the terminal, of a running engine or of a dead one."""
    from hft.stat.command import main as show

    raise typer.Exit(show(context.args))


@app.command()
def version() -> None:
    """Say which version this is."""
    from importlib.metadata import version as installed

    typer.echo(f"hft {installed('hft')}")


def _order(command: str, data_dir: Path | None) -> None:
    typer.echo(_ask(command, data_dir).get("message", "done"))


def _ask(command: str, data_dir: Path | None) -> dict[str, Any]:
    from hft.control import ControlUnreachable, ask

    try:
        socket = (data_dir or _default_folder()) / "control.sock"
        answer = ask(socket, {"command": command, "by": "command line"})
    except ControlUnreachable as problem:
        _fail(str(problem), _NO_ENGINE)
    except HftError as problem:
        _fail(str(problem), problem.exit_code)
    if not answer.get("ok"):
        _fail(f"refused: {answer.get('message', answer.get('code', 'no reason given'))}", 1)
    return answer


def _default_folder() -> Path:
    """Where the engine started from this folder keeps its files."""
    from hft.boot import CONFIG_NAME
    from hft.config import demo_settings, load

    if Path(CONFIG_NAME).is_file():
        return Path(load(Path(CONFIG_NAME)).storage.data_dir)
    return Path(demo_settings().storage.data_dir) / "demo"


def _fail(sentence: str, code: int) -> Any:
    typer.echo(f"hft: {sentence}", err=True)
    raise typer.Exit(int(code) or ExitCode.FATAL)
