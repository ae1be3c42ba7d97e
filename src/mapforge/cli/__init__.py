"""The `mapforge` command. Heavy imports wait until a command needs them."""

from mapforge.cli.app import main

__all__ = ["main"]
