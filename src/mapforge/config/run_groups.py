"""Settings of a run as a whole: engine, telemetry, map, models, region, nights. Those of a stage lie with the stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mapforge.errors import ConfigurationError


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
