"""Settings: the dataclasses of all stages in one tree, composed by Hydra from `conf/` and `key=value` overrides.

The dataclasses hold defaults, types and cross-checks; `conf/` shows them and holds named variants. Texts
(paths, names) are taken as they are typed, so that spaces, commas, `=` and `~` in a path need no quoting.
"""

from __future__ import annotations

import difflib
import os
import sysconfig
import typing
from dataclasses import asdict, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mapforge.config.run_groups import (
    EngineConfig,
    EngineKind,
    MapConfig,
    ModelsConfig,
    NightlyConfig,
    PublishRule,
    RegionConfig,
    TelemetryConfig,
    TraceSink,
)
from mapforge.config.tree import GROUPS, Settings, nearest_key, setting_keys
from mapforge.errors import ConfigurationError

__all__ = [
    "GROUPS",
    "EngineConfig",
    "EngineKind",
    "MapConfig",
    "ModelsConfig",
    "NightlyConfig",
    "PublishRule",
    "RegionConfig",
    "Settings",
    "TelemetryConfig",
    "TraceSink",
    "compose_settings",
    "conf_folder",
    "nearest_key",
    "setting_keys",
    "settings_from_dict",
    "settings_to_dict",
    "split_list",
    "with_overrides",
]

MAX_REGION_BYTES, MAX_REGION_DEPTH = 2**20, 20


def compose_settings(overrides: list[str], name: str = "config") -> Settings:
    """The settings that `conf/<name>.yaml` and `key=value` overrides amount to.

    Raises ConfigurationError naming the nearest valid key on a typo, the value on a wrong type.
    """
    grammar, literal, region_file = _sort_overrides(overrides)
    try:
        config = _compose(name, grammar)
        if region_file is not None:
            config.region = OmegaConf.merge(config.region, _read_region(region_file))
        for key, value in literal:
            OmegaConf.update(config, key, value)
        settings = OmegaConf.to_object(config)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, TypeError, RecursionError) as error:
        raise ConfigurationError(f"settings: {_first_lines(error)}") from error
    assert isinstance(settings, Settings)
    return settings


def _read_region(path: str | Path) -> dict[str, Any]:
    """Plain values of a region file. No aliases: a few lines of them can stand for gigabytes; no interpolations: they
    could copy the environment into reports. Raises ConfigurationError."""
    raw = Path(path).read_bytes()
    if len(raw) > MAX_REGION_BYTES:
        raise ConfigurationError(f"{path} has {len(raw)} bytes, a region file at most {MAX_REGION_BYTES}")
    try:
        text = raw.decode("utf-8")
        _require_plain(text, str(path))
        plain = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"{path} is no YAML file of a region: {str(error)[:300]}") from error
    if not isinstance(plain, dict):
        raise ConfigurationError(f"{path} holds no settings of a region but {str(plain)[:60]!r}; write key: value")
    if "${" in text:
        raise ConfigurationError(f"{path} refers to other values with ${{...}}; write them out")
    return plain


def _require_plain(text: str, where: str) -> None:
    """Raises ConfigurationError on aliases and deep nesting, before anything is built of them."""
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigurationError(f"{where} uses YAML aliases (*name); write the values out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_REGION_DEPTH:
            raise ConfigurationError(f"{where} nests deeper than {MAX_REGION_DEPTH}: it is no region file")


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    """Plain values, as they are kept with a run and read back by `settings_from_dict`."""
    plain = _plain(asdict(settings))
    assert isinstance(plain, dict)
    return plain


def _plain(value: Any) -> Any:
    """Enums by their names, as they are written in overrides."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.name if isinstance(value, Enum) else value


def settings_from_dict(plain: dict[str, Any]) -> Settings:
    """The inverse of `settings_to_dict`. Raises ConfigurationError when an older MapForge wrote other keys."""
    try:
        settings = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Settings), OmegaConf.create(plain)))
    except OmegaConfBaseException as error:
        raise ConfigurationError(f"stored settings do not fit this version: {_first_lines(error)}") from error
    assert isinstance(settings, Settings)
    return settings


def with_overrides(settings: Settings, composed: Settings, overrides: list[str]) -> Settings:
    """Other settings with `key=value` overrides laid over them; those not named stay.

    composed: what `compose_settings` makes of the overrides. Raises ConfigurationError where the two do not fit.
    """
    named = {override.partition("=")[0] for override in overrides}
    result = _laid_over(settings, composed, named, "")
    assert isinstance(result, Settings)
    return result


def _laid_over(kept: Any, composed: Any, named: set[str], prefix: str) -> Any:
    values = {}
    for entry in fields(kept):
        key, own, new = f"{prefix}{entry.name}", getattr(kept, entry.name), getattr(composed, entry.name)
        if is_dataclass(own):
            values[entry.name] = _laid_over(own, new, named, f"{key}.")
        else:
            values[entry.name] = new if key in named or key.partition(".")[0] in named else own
    return replace(kept, **values)


def conf_folder() -> Path:
    """Where the shipped YAML lies: beside the sources of a checkout, else where the wheel put it."""
    checkout = Path(__file__).resolve().parents[3] / "conf"
    return checkout if checkout.is_dir() else Path(sysconfig.get_path("data")) / "share" / "mapforge" / "conf"


def _sort_overrides(overrides: list[str]) -> tuple[list[str], list[tuple[str, Any]], Path | None]:
    """Overrides for Hydra's grammar, texts to set as they are, and a region file given by path."""
    keys = setting_keys()
    grammar: list[str] = []
    literal: list[tuple[str, Any]] = []
    region_file = None
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise ConfigurationError(f"'{override}' is no override: write key=value")
        if key == "region" and (value.endswith((".yaml", ".yml")) or os.sep in value):
            region_file = Path(value).expanduser()
            if not region_file.is_file():
                raise ConfigurationError(f"region={value}: no such file")
        elif key in GROUPS:
            grammar.append(f"{key}={_existing_variant(key, value)}")
        elif key not in keys:
            raise ConfigurationError(f"no setting '{key}'.{nearest_key(key, [*keys, *GROUPS])}")
        elif _is_text(keys[key]):
            literal.append((key, None if value in ("null", "") else value))
        elif _is_text_list(keys[key]):
            literal.append((key, split_list(value)))
        else:
            grammar.append(override)
    return grammar, literal, region_file


def split_list(value: str) -> list[str]:
    """`[A,B]` or `A,B` as texts. A comma inside a path is kept where the longer path exists."""
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if not inner.strip():
        return []
    parts: list[str] = []
    for part in inner.split(","):
        if parts and not Path(parts[-1].strip()).expanduser().exists():
            parts[-1] += "," + part
        else:
            parts.append(part)
    whole = [part.strip().strip("'\"") for part in parts]
    return whole if all(Path(p).expanduser().exists() for p in whole) else [p.strip() for p in inner.split(",")]


@cache
def _register_settings() -> None:
    ConfigStore.instance().store(name="settings", node=Settings)


def _compose(name: str, grammar: list[str]) -> DictConfig:
    _register_settings()
    GlobalHydra.instance().clear()
    search = [f"hydra.searchpath=[file://{extra}]" for extra in _extra_conf_folders()]
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        return compose(config_name=name, overrides=[*search, *grammar])


def _extra_conf_folders() -> list[Path]:
    """A `conf` folder in the current directory adds the user's own regions and variants."""
    own = Path.cwd() / "conf"
    return [own] if own.is_dir() and own != conf_folder() and not set(str(own)) & set(",[]{}'\"$") else []


def _existing_variant(group: str, value: str) -> str:
    folders = [conf_folder(), *_extra_conf_folders()]
    names = sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})
    if value not in names:
        close = difflib.get_close_matches(value, names, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else f" There are: {', '.join(names)}."
        raise ConfigurationError(f"{group}={value}: no conf/{group}/{value}.yaml.{hint}")
    return value


def _is_text(hint: Any) -> bool:
    return hint is str or (type(None) in typing.get_args(hint) and str in typing.get_args(hint))


def _is_text_list(hint: Any) -> bool:
    return typing.get_origin(hint) is list and typing.get_args(hint) == (str,)


def _first_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:3]) if lines else type(error).__name__
