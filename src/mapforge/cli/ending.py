"""How a command ends: with an exit code and, on errors, one clear message."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from mapforge.errors import ConfigurationError, LogError, MapForgeError, NoUsableDriveError, UnknownRunError

OK, INCOMPLETE, USAGE, COULD_NOT_RUN = 0, 1, 2, 3

Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Plan = Annotated[bool, typer.Option("--plan", help="Only say what would be done, and why.")]


def finish(command: Callable[[], int], json_output: bool) -> None:
    """Turns what a command returns or raises into an exit code and, on errors, one clear message."""
    try:
        code = command()
    except (ConfigurationError, UnknownRunError) as error:
        code = _explain(error, USAGE, json_output)
    except (NoUsableDriveError, LogError, MapForgeError) as error:
        code = _explain(error, COULD_NOT_RUN, json_output)
    except OSError as error:
        code = _explain(error, COULD_NOT_RUN, json_output)
    except KeyboardInterrupt:
        code = _explain(KeyboardInterrupt("stopped; what is finished is kept, the same command goes on"), 130, False)
    raise typer.Exit(code)


def _explain(error: BaseException, code: int, json_output: bool) -> int:
    if json_output:
        document: dict[str, Any] = {"error": {"type": type(error).__name__, "message": str(error)}, "exit_code": code}
        typer.echo(json.dumps(document))
    print(f"mapforge: {error}", file=sys.stderr)  # noqa: T201
    return code
