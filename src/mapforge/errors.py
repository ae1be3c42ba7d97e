"""Every error MapForge raises on purpose. The message says what failed, on which value, and what to do."""


class MapForgeError(Exception):
    """Something MapForge knows how to explain went wrong."""


class ConfigurationError(MapForgeError, ValueError):
    """A setting is missing, misspelt or contradicts another."""


class LogError(MapForgeError, ValueError):
    """A drive log cannot be read; the message names the file and the offset."""


class UnknownFormatError(LogError):
    """No reader recognises this log."""


class DriveRefusedError(MapForgeError, ValueError):
    """A drive was read but is not fit for mapping; the message names the reason."""


class ContractError(MapForgeError, ValueError):
    """A table or file on disk does not have the columns, types or version its contract asks for."""


class CrsMismatchError(MapForgeError, ValueError):
    """Two coordinate reference systems were mixed; the message names both."""


class MissingInputError(MapForgeError, FileNotFoundError):
    """A file that a stage needs is not there."""


class ModelError(MapForgeError, ValueError):
    """Model weights are missing, of another architecture, or not safetensors."""


class LeakageError(MapForgeError, ValueError):
    """Training and evaluation places overlap."""


class LeaseHeldError(MapForgeError, RuntimeError):
    """Another living run is working on this tile or drive."""


class NoUsableDriveError(MapForgeError, RuntimeError):
    """Not one drive of the region could be used."""


class CatalogError(MapForgeError, RuntimeError):
    """The catalog's database cannot be opened, read or written; the message names it and the way out."""


class StorageError(MapForgeError, OSError):
    """The object store does not answer, refuses, or holds something else than was put there."""


class UnknownRunError(MapForgeError, KeyError):
    """The catalog knows no such run, tile or drive."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnknownReleaseError(UnknownRunError):
    """The workspace has no such release."""


class ReleaseError(MapForgeError, ValueError):
    """A release cannot be published or switched to: nothing is valid, or a tile file is missing or was changed."""
