"""A headless Chromium spoken to over its debugging pipe, and a small made-up map."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.schemas.elements import ElementClass, MapElement

FRAME = MapFrame(32617, (585000.0, 4477000.0))
TILES = (TileId(32617, 5850, 44770), TileId(32617, 5851, 44770))
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--remote-debugging-pipe",
    "--window-size=1400,1000",
    "--no-first-run",
    "--disable-background-networking",
)


class Chromium:
    """The DevTools protocol over two pipes: JSON messages ended by a zero byte."""

    def __init__(self, executable: str, profile: Path) -> None:
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def arrange() -> None:
            # the browser reads commands from 3 and writes answers to 4; the copies keep them clear of each other
            source, sink = os.dup(to_read), os.dup(from_write)
            os.dup2(source, 3)
            os.dup2(sink, 4)

        self._process = subprocess.Popen(
            [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=arrange,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(from_write)
        self._write, self._read, self._buffer, self._count = to_write, from_read, b"", 0
        os.set_blocking(self._read, False)
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]

    def open(self, path: Path) -> None:
        self.call("Page.enable")
        self.call("Page.navigate", url=path.as_uri())

    def evaluate(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 60.0) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.1)
        raise TimeoutError(f"'{expression}' did not become true; body: {self.evaluate('document.body.dataset.error')}")

    def screenshot(self, target: Path, whole_page: bool = False) -> None:
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole_page)
        target.write_bytes(base64.b64decode(answer["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._call(method, self._session, **parameters)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(timeout=30)
        os.close(self._write)
        os.close(self._read)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 90.0
        while time.monotonic() < deadline:
            answer = self._next()
            if answer is None:
                time.sleep(0.01)
            elif answer.get("id") == self._count:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
        raise TimeoutError(f"Chromium did not answer {method}")

    def _next(self) -> dict[str, Any] | None:
        while b"\0" not in self._buffer:
            try:
                chunk = os.read(self._read, 1 << 20)
            except BlockingIOError:
                return None
            if not chunk:
                raise RuntimeError("Chromium went away")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    executable = next(
        (found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None
    )
    if executable is None:
        pytest.skip("no Chromium on this machine")
    browser = Chromium(executable, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def frame() -> MapFrame:
    return FRAME


def road(offset: float = 0.0) -> list[MapElement]:
    """A street through both tiles: divider, two boundaries, crossing, stop line, sign, coverage. Map frame, metres."""

    def line(y: float, x0: float = 5.0, x1: float = 195.0) -> shapely.LineString:
        return shapely.LineString([(x, y + offset, 200.0) for x in np.linspace(x0, x1, 39)])

    crossing = shapely.Polygon([(x, y + offset, 200.0) for x, y in [(40, 43), (43, 43), (43, 57), (40, 57)]])
    stop = shapely.LineString([(38.0, 43.5 + offset, 200.0), (38.0, 49.5 + offset, 200.0)])
    seen = shapely.force_3d(shapely.box(0.0, 25.0, 200.0, 75.0), 200.0)
    divider = {"marking_type": "dashed", "colour": "white"}
    curb = {"boundary_type": "curb"}
    sign = {"sign_type": "stop", "heading_rad": 0.0, "height_m": 2.2, "width_m": 0.75}
    return [
        MapElement("divider", ElementClass.LANE_DIVIDER, line(50.0), divider, 0.9),
        MapElement("left", ElementClass.ROAD_BOUNDARY, line(57.0), curb, 0.8),
        MapElement("right", ElementClass.ROAD_BOUNDARY, line(43.0), curb, 0.7),
        MapElement("crossing", ElementClass.PED_CROSSING, crossing, {}, 0.9),
        MapElement("stop", ElementClass.STOP_LINE, stop, {}, 0.6),
        MapElement("sign", ElementClass.TRAFFIC_SIGN, shapely.Point(37.0, 41.0 + offset, 202.2), sign, 0.9),
        MapElement("seen", ElementClass.COVERAGE, seen),
    ]


def cut_into_tiles(elements: list[MapElement], folder: Path, sigma_m: float = 0.1) -> dict[TileId, Path]:
    """Writes elements as tiles, cut at the border, as the pipeline does."""
    files = {}
    for tile in TILES:
        box = shapely.box(*tile.bounds_map(FRAME))
        pieces = []
        for e in elements:
            for part in shapely.get_parts(shapely.intersection(e.geometry, box)):
                if part.geom_type == e.geometry.geom_type and not part.is_empty:
                    stated = (sigma_m,) * len(shapely.get_coordinates(part)) if part.geom_type == "LineString" else ()
                    pieces.append(e.with_geometry(part, stated))
        files[tile] = folder / str(tile) / "build.parquet"
        write_elements(pieces, FRAME, files[tile], folder / "tmp", {"tile": str(tile)})
    return files


@pytest.fixture(scope="session")
def make_road() -> Callable[[float], list[MapElement]]:
    return road


@pytest.fixture(scope="session")
def write_tiles() -> Callable[..., dict[TileId, Path]]:
    return cut_into_tiles


@pytest.fixture(scope="session")
def path() -> np.ndarray:
    """(N, 3) the car's way along the street."""
    x = np.linspace(10.0, 190.0, 91)
    return np.column_stack([x, np.full(len(x), 46.5), np.full(len(x), 200.0)])
