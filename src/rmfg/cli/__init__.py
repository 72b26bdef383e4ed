"""The command line: a thin shell. Each command parses, calls a public function, prints and exits.

Exit codes: 0 certified (or done), 1 ran but not certified, 2 wrong input, 70 a bug here, 130
interrupted. Wrong input is one line on standard error. Nothing heavy is imported before a command
needs it, so that `rmfg --help` answers at once.
"""

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

OK, NOT_CERTIFIED, WRONG_INPUT, BUG, INTERRUPTED = 0, 1, 2, 70, 130
LONGEST_MESSAGE = 900
# What public functions raise for wrong arguments, and what files and memory are refused with.
WRONG = (ValueError, TypeError, OSError, OverflowError, MemoryError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code. `RMFG_TRACEBACK=1` shows where errors arise."""
    import typer

    from rmfg.cli import streams
    from rmfg.cli.app import app

    # Typer has its own copy of click or uses the real one, depending on its version.
    bases: tuple[Any, ...] = typer.BadParameter.__mro__
    usage_error, failure = bases[1:3]
    # JAX logs which accelerators it did not find; `rmfg doctor` says which it has.
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.ERROR)
    streams.prepare()
    try:
        command = typer.main.get_command(app)
        given = sys.argv[1:] if arguments is None else list(arguments)
        code = command(given or ["--help"], prog_name="rmfg", standalone_mode=False)
        streams.write("")  # what typer has printed by itself
        return code or OK
    except BrokenPipeError:
        streams.silence()
        return OK
    except failure as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "rmfg")
        hint = f" (see `{path} --help`)" if isinstance(error, usage_error) else ""
        return _refuse(error.format_message().rstrip(".") + hint)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except WRONG as error:
        if os.environ.get("RMFG_TRACEBACK"):
            traceback.print_exc()
        return _refuse(str(error) or type(error).__name__)
    except Exception:
        traceback.print_exc()
        sys.stderr.write("rmfg: this is a bug in rmfg; please report it with the lines above.\n")
        return BUG


def _refuse(message: str) -> int:
    """Say on one line what was wrong."""
    line = " ".join(message.split())
    if len(line) > LONGEST_MESSAGE:
        line = line[:LONGEST_MESSAGE] + " ..."
    sys.stderr.write(f"rmfg: error: {line}\n")
    return WRONG_INPUT
