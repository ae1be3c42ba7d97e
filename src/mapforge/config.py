"""Settings: the dataclasses of all stages in one tree, composed by Hydra from `conf/` and `key=value` overrides.

The dataclasses hold defaults, types and cross-checks; `conf/` shows them and holds named variants. Texts
(paths, names) are taken as they are typed, so that spaces, commas, `=` and `~` in a path need no quoting.
"""

from __future__ import annotations

import difflib
import os
import sys
import sysconfig
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mapforge.errors import ConfigurationError
from mapforge.fusion.config import FusionConfig
from mapforge.ingest.config import IngestConfig
from mapforge.lane_graph.config import LaneGraphConfig
from mapforge.localization.config import LocalizationConfig
from mapforge.perception.config import PerceptionConfig
from mapforge.rasterization.config import RasterizationConfig
from mapforge.releases.config import ReleasesConfig
from mapforge.simulation.config import SimulationConfig
from mapforge.tiles.config import TilesConfig
from mapforge.training.config import TrainingConfig
from mapforge.validation.config import ValidationConfig
from mapforge.vectorization.config import VectorizationConfig


class EngineKind(Enum):
    """Where jobs run."""

    local = "local"
    inline = "inline"
    dask = "dask"


@dataclass
class EngineConfig:
    """Where and how jobs run. Nothing here changes a product."""

    kind: EngineKind = EngineKind.local
    """`local`: worker processes; `inline`: this process; `dask`: a Dask cluster."""
    workers: int = 0
    """Worker processes; 0 = one a core."""
    threads_a_worker: int = 1
    """Threads of the numeric libraries in each worker."""
    address: str | None = None
    """Scheduler of the Dask cluster, tcp://host:port; none starts one on this machine."""
    gpu_resource: str | None = None
    """Dask: each job that computes on the device takes one of this resource (`dask worker --resources GPU=1`)."""
    device: str = "auto"
    """`cpu`, `cuda`, or `auto`: cuda where there is one."""
    verify_fully: bool = False
    """Compare what is reused by sha256 even when size and time are unchanged."""
    park_after: int = 3
    """A log, drive or tile that failed so often in a row is parked: left alone until `mapforge retry` names it."""
    hold_odd_drives: bool = False
    """Park new drives whose vital signs (rates, gaps, returns, intensity) are unlike the fleet's; else only named."""
    storage_budget_gb: float | None = None
    """At the end of a run what nothing needs is removed, oldest first, until the workspace is smaller; none = never."""

    def __post_init__(self) -> None:
        if self.park_after < 1:
            raise ConfigurationError(f"engine.park_after={self.park_after} must be at least 1")
        if self.storage_budget_gb is not None and self.storage_budget_gb < 0.0:
            raise ConfigurationError(f"engine.storage_budget_gb={self.storage_budget_gb} must not be below 0 GB")


class TraceSink(Enum):
    """Where OpenTelemetry spans go."""

    none = "none"
    file = "file"
    otlp = "otlp"


@dataclass
class TelemetryConfig:
    """What a run writes of itself while it goes on. Changes nothing in the map."""

    log: bool = True
    """Write `logs/<run>.jsonl` in the workspace: one JSON object an event, with run, stage, drive and tile."""
    metrics: bool = True
    """Write metrics of the newest run as a Prometheus textfile when it ends."""
    metrics_file: str | None = None
    """Where; none = `metrics.prom` in the workspace."""
    traces: TraceSink = TraceSink.none
    """OpenTelemetry spans: `none`, `file` (beside the log), or `otlp` (to OTEL_EXPORTER_OTLP_ENDPOINT)."""


@dataclass
class MapConfig:
    """The map's coordinate reference system."""

    epsg: int | None = None
    """A projected CRS in metres; none = the UTM zone of the first region."""
    epoch: float = 2020.0
    """Coordinate epoch, decimal year."""


@dataclass
class ModelsConfig:
    """Which weights perceive. Products depend on their content, not on where they lie."""

    bev: str | None = None
    """Weights of the BEV segmenter (safetensors); none = those that come with MapForge."""
    signs: str | None = None
    """Weights of the sign detector (safetensors); none = those that come with MapForge."""
    privacy: str | None = None
    """Weights that find faces and number plates (safetensors); none = those that come with MapForge."""


@dataclass
class RegionConfig:
    """What to build: which logs, where, judged against what."""

    name: str = "default"
    """Name of the region, for runs and reports."""
    logs: list[str] = field(default_factory=list)
    """Logs, or folders of logs; none = the drives already in the workspace."""
    reference: str | None = None
    """A labelled map to score against; none = validate without labels."""
    bounds: list[float] | None = None
    """West, south, east, north in degrees: only tiles that touch this box; none = all the drives touched."""
    since: str | None = None
    """ISO time: only drives that began at or after it."""
    city: str | None = None
    """AV2 city code (ATX, DTW, MIA, PAO, PIT, WDC) for logs whose map files do not name it."""
    origin_lat_deg: float | None = None
    """Where drives without GNSS and without georeferenced poses are placed; they are marked as placed so."""
    origin_lon_deg: float | None = None
    """See origin_lat_deg."""

    def __post_init__(self) -> None:
        if self.bounds is not None and not (
            len(self.bounds) == 4 and self.bounds[0] < self.bounds[2] and self.bounds[1] < self.bounds[3]
        ):
            raise ConfigurationError(f"region.bounds is {self.bounds}: write [west,south,east,north] in degrees")
        if (self.origin_lat_deg is None) != (self.origin_lon_deg is None):
            raise ConfigurationError("region.origin_lat_deg and region.origin_lon_deg go together: set both or neither")


class PublishRule(Enum):
    """When a night publishes."""

    gated = "gated"
    always = "always"
    never = "never"


@dataclass
class NightlyConfig:
    """What happens every night. The gates are in `validation.release`, how long releases are kept in `releases`."""

    inbox: list[str] = field(default_factory=list)
    """Folders where new logs arrive; they are read, never changed."""
    min_age_s: float = 300.0
    """A log that was written to more recently is left for the next night, unless it has not changed since the last."""
    settle_s: float = 2.0
    """A log that changes while it is looked at for this long is left for the next night."""
    max_tries: int = 3
    """Nights a log is tried that fails for no fault of its own (disk, memory); then it waits for someone to look."""
    wait_s: float = 0.0
    """How long a night waits for one that is still running before it gives up."""
    lock_expires_s: float = 86400.0
    """A night on another machine that has not been heard of for so long is taken for dead."""
    publish: PublishRule = PublishRule.gated
    """`gated`: when the gates pass; `always`: also when they do not (once, after somebody looked); `never`."""
    keep_nights: int = 60
    """Summaries and reports that are kept; reports of kept releases and of failed tiles stay."""
    cron: str = "0 2 * * *"
    """When the deployment runs a night."""
    retry_cron: str | None = None
    """When the deployment tries failed tiles again; none = only when somebody asks."""
    timezone: str = "UTC"
    """Of the cron expressions."""
    work_pool: str = "mapforge"
    """Process work pool of the deployments; made when it is not there."""

    def __post_init__(self) -> None:
        for name in ("min_age_s", "settle_s", "wait_s", "lock_expires_s"):
            if getattr(self, name) < 0.0:
                raise ConfigurationError(f"nightly.{name}={getattr(self, name)} must not be below 0 s")
        if self.max_tries < 1 or self.keep_nights < 1:
            raise ConfigurationError(
                f"nightly.max_tries={self.max_tries}, nightly.keep_nights={self.keep_nights}: at least 1"
            )


@dataclass
class Settings:
    """Everything one run depends on."""

    workspace: str = "data/workspace"
    """Folder of the workspace."""
    catalog_url: str | None = None
    """SQLAlchemy URL of the catalog; none = catalog.db in the workspace."""
    region: RegionConfig = field(default_factory=RegionConfig)
    map: MapConfig = field(default_factory=MapConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    models: ModelsConfig = field(default_factory=ModelsConfig)
    ingest: IngestConfig = field(default_factory=IngestConfig)
    localization: LocalizationConfig = field(default_factory=LocalizationConfig)
    rasterization: RasterizationConfig = field(default_factory=RasterizationConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    vectorization: VectorizationConfig = field(default_factory=VectorizationConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    lane_graph: LaneGraphConfig = field(default_factory=LaneGraphConfig)
    tiles: TilesConfig = field(default_factory=TilesConfig)
    releases: ReleasesConfig = field(default_factory=ReleasesConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    nightly: NightlyConfig = field(default_factory=NightlyConfig)
    telemetry: TelemetryConfig = field(default_factory=TelemetryConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


MAX_REGION_BYTES, MAX_REGION_DEPTH = 2**20, 20
GROUPS = tuple(f.name for f in fields(Settings) if f.name not in ("workspace", "catalog_url"))


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
    plain = OmegaConf.to_container(OmegaConf.structured(settings), enum_to_str=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def settings_from_dict(plain: dict[str, Any]) -> Settings:
    """The inverse of `settings_to_dict`. Raises ConfigurationError when an older MapForge wrote other keys."""
    try:
        settings = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Settings), OmegaConf.create(plain)))
    except OmegaConfBaseException as error:
        raise ConfigurationError(f"stored settings do not fit this version: {_first_lines(error)}") from error
    assert isinstance(settings, Settings)
    return settings


def with_overrides(settings: Settings, overrides: list[str]) -> Settings:
    """Other settings with `key=value` overrides laid over them; those not named stay. Raises as compose_settings."""
    composed = compose_settings(overrides)
    named = {override.partition("=")[0] for override in overrides}
    kept = OmegaConf.structured(settings)
    for key in setting_keys():
        if key in named or key.split(".")[0] in named:
            OmegaConf.update(kept, key, OmegaConf.select(OmegaConf.structured(composed), key))
    result = OmegaConf.to_object(kept)
    assert isinstance(result, Settings)
    return result


def conf_folder() -> Path:
    """Where the shipped YAML lies: beside the sources of a checkout, else where the wheel put it."""
    checkout = Path(__file__).resolve().parents[2] / "conf"
    return checkout if checkout.is_dir() else Path(sysconfig.get_path("data")) / "share" / "mapforge" / "conf"


def setting_keys() -> dict[str, Any]:
    """Every dotted key with its type."""
    return dict(_walk(Settings, ""))


def nearest_key(key: str, known: list[str]) -> str:
    """` Did you mean ...?` for a typo, or how to list the keys."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if not close:
        tails = {name.rsplit(".", 1)[-1]: name for name in known}
        close = [tails[tail] for tail in difflib.get_close_matches(key.rsplit(".", 1)[-1], tails, n=1, cutoff=0.6)]
    return f" Did you mean '{close[0]}'?" if close else " `mapforge settings` lists all keys."


def default_yaml(group: str) -> str:
    """The text of conf/<group>/default.yaml: every setting of a group with its default and what it means."""
    kind = typing.get_type_hints(Settings)[group]
    return "# Defaults, kept equal to the dataclass by a test. Copy to a new name for a variant.\n" + "".join(
        _yaml_lines(kind(), 0)
    )


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


def _compose(name: str, grammar: list[str]) -> DictConfig:
    store = ConfigStore.instance()
    store.store(name="settings", node=Settings)
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


def _walk(kind: type, prefix: str) -> Iterator[tuple[str, Any]]:
    hints = typing.get_type_hints(kind)
    for entry in fields(kind):
        hint = hints[entry.name]
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _walk(hint, f"{prefix}{entry.name}.")
        else:
            yield f"{prefix}{entry.name}", hint


def _is_text(hint: Any) -> bool:
    return hint is str or (type(None) in typing.get_args(hint) and str in typing.get_args(hint))


def _is_text_list(hint: Any) -> bool:
    return typing.get_origin(hint) is list and typing.get_args(hint) == (str,)


def _yaml_lines(value: Any, indent: int) -> Iterator[str]:
    pad = "  " * indent
    comments = _field_comments(type(value))
    for entry in fields(value):
        inner = getattr(value, entry.name)
        for line in comments.get(entry.name, ()):
            yield f"{pad}# {line}\n"
        if is_dataclass(inner):
            yield f"{pad}{entry.name}:\n"
            yield from _yaml_lines(inner, indent + 1)
        else:
            plain = inner.name if isinstance(inner, Enum) else inner
            text = yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
            yield f"{pad}{entry.name}: {text}\n"


def _field_comments(kind: type) -> dict[str, list[str]]:
    """The one-line docstrings under the fields of a dataclass, read from its source."""
    import ast
    import inspect
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    comments: dict[str, list[str]] = {}
    for entry, following in zip(body.body, body.body[1:]):
        if (
            isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            comments[entry.target.id] = [line.strip() for line in str(following.value.value).splitlines()]
    return comments


def _first_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines[:3]) if lines else type(error).__name__


def write_default_conf(folder: Path) -> None:
    """Writes conf/<group>/default.yaml of every group (`python -m mapforge.config conf`)."""
    for group in GROUPS:
        (folder / group).mkdir(parents=True, exist_ok=True)
        (folder / group / "default.yaml").write_text(default_yaml(group), encoding="utf-8")


if __name__ == "__main__":
    write_default_conf(Path(sys.argv[1]))
