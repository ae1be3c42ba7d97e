"""The few words of a command that are not settings: `source=`, `out=`, `tile=` and short names of settings."""

from __future__ import annotations

from mapforge.config import nearest_key, setting_keys
from mapforge.errors import ConfigurationError


def split_options(
    words: list[str], own: dict[str, str], short: dict[str, str] | None = None
) -> tuple[dict[str, str], list[str]]:
    """Separates a command's own options from overrides of settings.

    own: option -> default. short: short name -> setting it stands for. Returns the options with defaults filled
    in and the overrides left over. Raises ConfigurationError on a word that is neither.
    """
    options = dict(own)
    overrides = []
    known = [*own, *(short or {}), *setting_keys()]
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigurationError(f"'{word}' is no setting: write key=value.{nearest_key(key, known)}")
        if key in own:
            options[key] = value
        elif short and key in short:
            overrides.append(f"{short[key]}={value}")
        else:
            overrides.append(word)
    return options, overrides


def required(options: dict[str, str], name: str, example: str) -> str:
    """The option's value. Raises ConfigurationError, with an example, when it was not given."""
    if not options[name]:
        raise ConfigurationError(f"'{name}=' is missing, for example: {example}")
    return options[name]
