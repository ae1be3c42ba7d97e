"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

  const CLASSES = ["lane_divider", "road_boundary", "ped_crossing", "stop_line", "lane", "traffic_sign", "traffic_light", "road_marking"];
  const POINTS = ["traffic_sign", "traffic_light"];
  const RAMP = ["interpolate", ["linear"], ["get", "size_m"], 0, "#1a9850", 0.2, "#fee08b", 0.5, "#d73027"];
  const zoomed = (low, high) => ["interpolate", ["exponential", 1.6], ["zoom"], 14, low, 21, high];
  const words = (text) => text.replaceAll("_", " ");

  // Paint as functions of the theme, so that switching it repaints the map. Order is drawing order.
  // `rows` are what the panel toggles: group, label, swatch, source, and the class it counts.
  const layers = [];
  const rows = [];
  function add(row, id, source, type, paint, filter, layout) {
    layers.push({ id, source, type, paint, filter, layout: layout || {} });
    row.ids.push(id);
  }
  function row(group, label, swatch, source, cls, on) {
    const made = { group, label, swatch, source, cls, on: on !== false, ids: [] };
    rows.push(made);
    return made;
  }

  const tiles = row("Run", "tiles by state", ["square", "valid"], "tiles");
  const state = () => ["match", ["get", "state"], "valid", colour("valid"), "rejected", colour("rejected"), colour("failed")];
  add(tiles, "tiles-fill", "tiles", "fill", () => ({ "fill-color": state(), "fill-opacity": ["match", ["get", "state"], "valid", 0.04, 0.1] }));
  const coverage = row("Ground", "coverage", ["square", "quiet"], "coverage");
  add(coverage, "coverage-fill", "coverage", "fill", () => ({ "fill-color": colour("quiet"), "fill-opacity": 0.1 }));
  const drivable = row("Ground", "drivable area", ["square", "quiet"], "drivable", null, false);
  add(drivable, "drivable-fill", "drivable", "fill", () => ({ "fill-color": colour("quiet"), "fill-opacity": 0.22 }));
  const judged = row("Ground", "judged area", ["dash", "quiet"], "judged", null, false);
  add(judged, "judged-line", "judged", "line", () => ({ "line-color": colour("quiet"), "line-width": 1.2, "line-dasharray": [2, 2] }));
  add(tiles, "tiles-line", "tiles", "line", () => ({ "line-color": state(), "line-width": 1, "line-opacity": 0.6 }));
  const paths = row("Run", "driven paths", ["line", "path"], "paths");
  add(paths, "paths-line", "paths", "line", () => ({ "line-color": colour("path"), "line-width": 1.2, "line-opacity": 0.55, "line-dasharray": [4, 3] }));

  for (const cls of CLASSES) {
    const made = row("Truth", words(cls), [POINTS.includes(cls) ? "ring" : "wide", "truth"], "truth", cls, cls !== "lane");
    const mine = ["==", ["get", "class"], cls];
    if (POINTS.includes(cls)) {
      add(made, "truth-" + cls, "truth", "circle", () => ({ "circle-radius": zoomed(3.5, 10), "circle-opacity": 0, "circle-stroke-width": 2, "circle-stroke-color": colour("truth") }), mine);
    } else {
      add(made, "truth-" + cls, "truth", "line", () => ({ "line-color": colour("truth"), "line-width": zoomed(2, 14), "line-opacity": 0.35 }), mine, { "line-cap": "round", "line-join": "round" });
    }
  }
  const dashed = ["in", ["coalesce", ["get", "marking_type"], ""], ["literal", ["dashed", "double_dashed", "botts_dots"]]];
  const double = ["in", "double", ["coalesce", ["get", "marking_type"], ""]];
  const mixed = ["in", ["coalesce", ["get", "marking_type"], ""], ["literal", ["solid_dashed", "dashed_solid"]]];
  const round = { "line-join": "round" };
  for (const cls of CLASSES) {
    const made = row("Map", words(cls), [POINTS.includes(cls) ? "dot" : cls === "lane" ? "dash" : "line", cls], "predicted", cls, cls !== "lane");
    const mine = ["==", ["get", "class"], cls];
    const line = (extra) => () => ({ "line-color": colour(cls), "line-width": zoomed(1.4, 4), ...extra });
    if (cls === "lane_divider") {
      add(made, "lane_divider-solid", "predicted", "line", line({}), ["all", mine, ["!", dashed], ["!", double], ["!", mixed]], round);
      add(made, "lane_divider-dashed", "predicted", "line", line({ "line-dasharray": [3, 2.2] }), ["all", mine, dashed, ["!", double]], round);
      add(made, "lane_divider-double", "predicted", "line", line({ "line-width": zoomed(0.8, 2.2), "line-gap-width": zoomed(1, 4) }), ["all", mine, double, ["!", dashed]], round);
      add(made, "lane_divider-double_dashed", "predicted", "line", line({ "line-width": zoomed(0.8, 2.2), "line-gap-width": zoomed(1, 4), "line-dasharray": [4, 3] }), ["all", mine, double, dashed], round);
      add(made, "lane_divider-mixed", "predicted", "line", line({ "line-dasharray": [6, 1.5, 1.5, 1.5] }), ["all", mine, mixed], round);
    } else if (cls === "ped_crossing") {
      add(made, "ped_crossing-fill", "predicted", "fill", () => ({ "fill-color": colour(cls), "fill-opacity": 0.18 }), mine);
      add(made, "ped_crossing-line", "predicted", "line", line({}), mine, round);
    } else if (POINTS.includes(cls)) {
      add(made, cls + "-circle", "predicted", "circle", () => ({ "circle-radius": zoomed(3, 7), "circle-color": colour(cls), "circle-stroke-width": 1.5, "circle-stroke-color": colour("card") }), mine);
    } else {
      add(made, cls + "-line", "predicted", "line", line(cls === "lane" ? { "line-dasharray": [1, 2] } : cls === "stop_line" ? { "line-width": zoomed(2.4, 8) } : {}), mine, round);
    }
  }
  const missed = row("Errors", "missed truth", ["line", "missed"], "missed");
  add(missed, "missed-line", "missed", "line", () => ({ "line-color": colour("missed"), "line-width": zoomed(3, 8), "line-opacity": 0.85 }), null, { "line-cap": "round" });
  const wrong = row("Errors", "false prediction", ["line", "false"], "false");
  add(wrong, "false-line", "false", "line", () => ({ "line-color": colour("false"), "line-width": zoomed(3, 8), "line-opacity": 0.9 }), null, { "line-cap": "round" });
  const offsets = row("Errors", "offset from truth", ["dot", "valid"], "offsets", null, false);
  add(offsets, "offsets-circle", "offsets", "circle", () => ({ "circle-radius": zoomed(1.5, 6), "circle-color": RAMP, "circle-opacity": 0.9 }));
  const issues = row("Errors", "rule issues", ["ring", "failed"], "issues");
  add(issues, "issues-circle", "issues", "circle", () => ({ "circle-radius": 6, "circle-opacity": 0, "circle-stroke-width": 2.2, "circle-stroke-color": ["match", ["get", "severity"], "error", colour("failed"), colour("false")] }));

  function counted(entry) {
    const features = data.layers[entry.source].features;
    return entry.cls ? features.filter((f) => f.properties.class === entry.cls).length : features.length;
  }

  let map = null;
  try {
    map = new maplibregl.Map({
      container: "map",
      style: {
        version: 8,
        sources: Object.fromEntries(Object.entries(data.layers).map(([name, content]) =>
          [name, { type: "geojson", data: content, maxzoom: 22, tolerance: 0.2 }])),
        layers: [{ id: "ground", type: "background", paint: { "background-color": colour("ground") } }].concat(
          layers.map((layer) => ({
            id: layer.id, source: layer.source, type: layer.type, paint: layer.paint(),
            layout: layer.layout, ...(layer.filter ? { filter: layer.filter } : {}),
          }))),
      },
      bounds: data.bounds, fitBoundsOptions: { padding: 36, maxZoom: 20.5 }, maxZoom: 23.5,
      attributionControl: false, fadeDuration: 0,
    });
  } catch (error) {
    const box = document.getElementById("map");
    box.textContent = "The map needs WebGL, which this browser does not give: " + error.message;
    box.className = "nogl";
    document.body.dataset.error = error.message;
  }

  function swatch(kind, name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("width", "22");
    svg.setAttribute("height", "12");
    const shape = document.createElementNS(svg.namespaceURI, kind === "square" ? "rect" : kind === "dot" || kind === "ring" ? "circle" : "line");
    const set = (values) => Object.entries(values).forEach(([key, value]) => shape.setAttribute(key, value));
    if (kind === "square") set({ x: 3, y: 1, width: 16, height: 10, rx: 2, fill: `var(--${name})`, "fill-opacity": 0.3, stroke: `var(--${name})` });
    else if (kind === "dot") set({ cx: 11, cy: 6, r: 4.5, fill: `var(--${name})` });
    else if (kind === "ring") set({ cx: 11, cy: 6, r: 4, fill: "none", stroke: `var(--${name})`, "stroke-width": 2 });
    else set({ x1: 1, x2: 21, y1: 6, y2: 6, stroke: `var(--${name})`, "stroke-width": kind === "wide" ? 7 : 3, "stroke-opacity": kind === "wide" ? 0.4 : 1, "stroke-dasharray": kind === "dash" ? "4 3" : "none" });
    svg.append(shape);
    return svg;
  }

  function show(entry, on) {
    if (map) entry.ids.forEach((id) => map.setLayoutProperty(id, "visibility", on ? "visible" : "none"));
  }

  const panel = document.getElementById("panel");
  for (const group of ["Map", "Truth", "Errors", "Ground", "Run"]) {
    const mine = rows.filter((entry) => entry.group === group && (!entry.cls || counted(entry)));
    if (!mine.some(counted)) continue;
    const title = document.createElement("h3");
    title.textContent = group;
    panel.append(title);
    for (const entry of mine) {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = entry.on && counted(entry) > 0;
      box.disabled = counted(entry) === 0;
      label.className = box.disabled ? "empty" : "";
      box.addEventListener("change", () => show(entry, box.checked));
      const count = document.createElement("small");
      count.textContent = counted(entry).toLocaleString("en");
      label.append(box, swatch(...entry.swatch), entry.label, count);
      panel.append(label);
      if (entry.source === "offsets") {
        const ramp = document.createElement("div");
        ramp.className = "ramp";
        const ends = document.createElement("div");
        ends.className = "rampends";
        for (const text of ["0", "0.2", "0.5 m"]) ends.append(Object.assign(document.createElement("span"), { textContent: text }));
        panel.append(ramp, ends);
      }
    }
  }

  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    if (!map) return;
    map.setPaintProperty("ground", "background-color", colour("ground"));
    for (const layer of layers) {
      for (const [name, value] of Object.entries(layer.paint())) map.setPaintProperty(layer.id, name, value);
    }
  });

  function popup(at, features) {
    const box = document.createElement("div");
    const seen = new Set();
    const rank = (feature) => ({ predicted: 0, truth: 1 })[feature.source] ?? 2;
    for (const feature of [...features].sort((a, b) => rank(a) - rank(b))) {
      const text = JSON.stringify([feature.source, feature.properties]);
      if (seen.has(text) || seen.size >= 4) continue;
      seen.add(text);
      const title = document.createElement("b");
      title.textContent = words(feature.properties.class || feature.source) + (feature.source === "predicted" ? "" : " · " + feature.source);
      const table = document.createElement("table");
      for (const [name, value] of Object.entries(feature.properties)) {
        if (name === "class" || value === "" || name === "size_m") continue;
        const line = table.insertRow();
        line.insertCell().textContent = words(name);
        line.insertCell().textContent = String(value);
      }
      box.append(title, table);
    }
    new maplibregl.Popup({ maxWidth: "380px" }).setLngLat(at).setDOMContent(box).addTo(map);
  }

  function goTo(bounds) {
    document.getElementById("map").scrollIntoView({ behavior: "smooth", block: "center" });
    if (map) map.fitBounds(bounds, { padding: 40, maxZoom: 21, duration: 600 });
  }

  document.querySelectorAll("tr.go").forEach((line) => line.addEventListener("click", () => {
    if (line.dataset.tile) {
      const tile = data.layers.tiles.features.find((f) => f.properties.tile === line.dataset.tile);
      if (tile) {
        const ring = tile.geometry.coordinates[0];
        goTo([Math.min(...ring.map((p) => p[0])), Math.min(...ring.map((p) => p[1])), Math.max(...ring.map((p) => p[0])), Math.max(...ring.map((p) => p[1]))]);
      }
    } else {
      const lon = Number(line.dataset.lon), lat = Number(line.dataset.lat), d = 0.0001;
      goTo([lon - d, lat - d, lon + d, lat + d]);
    }
  }));

  if (map) {
    window.reportMap = map;
    map.addControl(new maplibregl.NavigationControl({ visualizePitch: false }), "top-left");
    map.addControl(new maplibregl.ScaleControl({ maxWidth: 140 }), "bottom-left");
    map.on("error", (event) => { document.body.dataset.error = String(event.error && event.error.message); });
    map.on("load", () => rows.forEach((entry) => { if (!entry.on) show(entry, false); }));
    const clickable = layers.filter((l) => l.type !== "fill" || l.id === "ped_crossing-fill" || l.id === "tiles-fill").map((l) => l.id);
    map.on("click", (event) => {
      const { x, y } = event.point;
      const hits = map.queryRenderedFeatures([[x - 5, y - 5], [x + 5, y + 5]], { layers: clickable });
      const elements = hits.filter((f) => f.source !== "tiles");
      if (hits.length) popup(event.lngLat, elements.length ? elements : hits);
    });
    map.on("mousemove", (event) => {
      const hits = map.queryRenderedFeatures(event.point, { layers: clickable.filter((id) => id !== "tiles-fill") });
      map.getCanvas().style.cursor = hits.length ? "pointer" : "";
    });
    // what was drawn, for tests and for anyone who wonders
    map.once("idle", () => {
      const drawn = {};
      for (const layer of layers) drawn[layer.id] = map.queryRenderedFeatures({ layers: [layer.id] }).length;
      document.body.dataset.drawn = JSON.stringify(drawn);
      document.body.dataset.idle = "true";
    });
  }
})();
