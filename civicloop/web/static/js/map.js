// A map over our own GeoJSON: no tiles, glyphs or sprites of others, and the worker from our own origin.
// The same shapes as the clocks stand for the cases; clusters wear the colour of their worst one.

const BASE = "/static/vendor/maplibre-gl-6.17.0";
const FACE = ["PingFang SC", "HarmonyOS Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", "sans-serif"];
const ENGLISH = document.documentElement.lang.startsWith("en");
const STATUSES = {
  on_time: "--ontime",
  due_soon: "--duesoon",
  breached: "--breached",
  paused: "--paused",
  met: "--ontime",
  missed: "--breached",
};
const PIN =
  '<svg class="map-pin" viewBox="0 0 34 42" aria-hidden="true"><path d="M17 40S3 26.5 3 16a14 14 0 0 1 28 0c0 10.5-14 24-14 24z"/><circle cx="17" cy="16" r="5"/></svg>';

let library;

function loadLibrary() {
  library ??= (async () => {
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet";
    sheet.href = `${BASE}/maplibre-gl.css`;
    document.head.prepend(sheet);
    const gl = await import(`${BASE}/maplibre-gl.mjs`);
    gl.setWorkerUrl(`${BASE}/maplibre-gl-worker.mjs`);
    return gl;
  })();
  return library;
}

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** One case mark, 22 px square at twice the density: the clock's shape on a white ground. */
function mark(status) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 44;
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  const outline = new Path2D(
    {
      on_time: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z",
      met: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z",
      due_soon: "M11 3 19.5 18h-17z",
      breached: "M11 2l9 9-9 9-9-9z",
      missed: "M11 2l9 9-9 9-9-9z",
      paused: "M4 4h14v14H4z",
    }[status],
  );
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = token("--surface");
  pen.stroke(outline);
  pen.fillStyle = token(STATUSES[status]);
  pen.fill(outline);
  pen.strokeStyle = token("--surface");
  pen.lineWidth = 1.8;
  pen.lineCap = "round";
  const inside = {
    breached: "M11 7v4.6M11 14.4v.4",
    paused: "M9 8v6M13 8v6",
    met: "M8 11.2l2.2 2.2 4-4.6",
    missed: "M8.6 8.6l4.8 4.8M13.4 8.6l-4.8 4.8",
  }[status];
  if (inside) pen.stroke(new Path2D(inside));
  return pen.getImageData(0, 0, 44, 44);
}

// Many cases in one mark: gathered here by the map, or counted on the server where they are too many to send.
const MANY = ["any", ["has", "point_count"], ["has", "count"]];
const COUNT = ["coalesce", ["get", "total"], ["get", "count"], 1];

function caseLayers(id) {
  const worst = [
    "case",
    [">", ["get", "breached"], 0],
    token("--breached"),
    [">", ["get", "due_soon"], 0],
    token("--duesoon"),
    token("--ontime"),
  ];
  return [
    {
      id: `${id}-clusters`,
      type: "circle",
      source: id,
      filter: MANY,
      paint: {
        "circle-color": token("--surface"),
        "circle-radius": ["interpolate", ["linear"], COUNT, 2, 13, 50, 19, 1000, 28],
        "circle-stroke-color": worst,
        "circle-stroke-width": 3,
      },
    },
    {
      id: `${id}-counts`,
      type: "symbol",
      source: id,
      filter: MANY,
      layout: {
        "text-field": ["to-string", COUNT],
        "text-font": FACE,
        "text-size": 12,
        "text-allow-overlap": true,
      },
      paint: { "text-color": token("--ink") },
    },
    {
      id: `${id}-chosen`,
      type: "circle",
      source: id,
      filter: ["==", ["get", "id"], ""],
      paint: {
        "circle-radius": 17,
        "circle-color": token("--teal"),
        "circle-opacity": 0.18,
        "circle-stroke-color": token("--teal"),
        "circle-stroke-width": 2,
      },
    },
    {
      id: `${id}-marks`,
      type: "symbol",
      source: id,
      filter: ["!", MANY],
      layout: {
        "icon-image": ["concat", "case-", ["get", "status"]],
        "icon-allow-overlap": true,
        "symbol-sort-key": [
          "match",
          ["get", "status"],
          "breached", 3,
          "due_soon", 2,
          "on_time", 1,
          0,
        ],
      },
    },
  ];
}

/** Names of one kind of place, out of a layer of points. */
function labels(id, source, kind, size, colour, minzoom) {
  return {
    id,
    type: "symbol",
    source,
    minzoom,
    filter: ["==", ["get", "kind"], kind],
    layout: {
      "text-field": ["get", ENGLISH ? "en" : "zh"],
      "text-font": FACE,
      "text-size": size,
      "text-max-width": 9,
      "text-variable-anchor": ["center", "top", "bottom"],
      "text-radial-offset": 1.4,
    },
    paint: { "text-color": token(colour), "text-halo-color": token("--map-area"), "text-halo-width": 1.4 },
  };
}

function layersOf({ id, kind }) {
  const line = (paint) => ({ id: `${id}-line`, type: "line", source: id, layout: { "line-join": "round" }, paint });
  const fill = (paint) => ({ id: `${id}-fill`, type: "fill", source: id, paint });
  const of = (value) => ["==", ["get", "kind"], value];
  switch (kind) {
    case "base":
      return [
        { ...fill({ "fill-color": token("--map-area") }), filter: of("district") },
        {
          ...line({
            "line-color": token("--map-road"),
            "line-width": [
              "interpolate", ["exponential", 1.6], ["zoom"],
              11, ["match", ["get", "class"], "main", 2.4, 0.8],
              17, ["match", ["get", "class"], "main", 20, 10],
            ],
          }),
          id: `${id}-roads`,
          filter: of("road"),
        },
        {
          ...line({ "line-color": token("--map-edge"), "line-width": 0.8, "line-dasharray": [4, 3] }),
          id: `${id}-communities`,
          filter: of("community"),
          minzoom: 13,
        },
        {
          ...line({ "line-color": token("--map-edge"), "line-width": 1.3 }),
          id: `${id}-streets`,
          filter: of("street"),
        },
        {
          ...line({ "line-color": token("--map-outline"), "line-width": 2.2 }),
          id: `${id}-district`,
          filter: of("district"),
        },
      ];
    case "labels":
      return [
        labels(`${id}-communities`, id, "community", 12, "--ink-3", 14),
        labels(`${id}-streets`, id, "street", 13, "--ink-2", 10.4),
      ];
    case "outline":
      return [
        fill({ "fill-color": token("--map-area") }),
        line({ "line-color": token("--map-outline"), "line-width": 2.2 }),
      ];
    case "areas":
      return [
        fill({ "fill-color": token("--map-area"), "fill-opacity": 0.01 }),
        line({ "line-color": token("--map-edge"), "line-width": 1 }),
      ];
    case "cells":
      return [{ ...line({ "line-color": token("--map-edge"), "line-width": 0.7, "line-dasharray": [3, 3] }), minzoom: 13.5 }];
    case "lines":
      return [line({ "line-color": token("--teal"), "line-width": 2.2 })];
    case "shares":
      return [
        fill({
          "fill-color": ["interpolate", ["linear"], ["get", "share"], 0, token("--teal-soft"), 1, token("--teal")],
          "fill-opacity": 0.85,
        }),
        line({ "line-color": token("--surface"), "line-width": 1 }),
      ];
    case "points":
      return [
        {
          id: `${id}-points`,
          type: "circle",
          source: id,
          paint: {
            "circle-color": token("--teal"),
            "circle-radius": 5,
            "circle-stroke-color": token("--surface"),
            "circle-stroke-width": 2,
          },
        },
      ];
    default:
      return caseLayers(id);
  }
}

function sourceOf({ url, kind }) {
  const source = { type: "geojson", data: new URL(url, location.href).href };
  if (kind !== "cases") return source;
  const count = (status) => ["+", ["case", ["==", ["get", "status"], status], 1, ["coalesce", ["get", status], 0]]];
  return {
    ...source,
    cluster: true,
    clusterRadius: 44,
    clusterMaxZoom: 16,
    clusterProperties: {
      breached: count("breached"),
      due_soon: count("due_soon"),
      total: ["+", ["coalesce", ["get", "count"], 1]],
    },
  };
}

function nameOf({ name, name_en: english }) {
  return (ENGLISH && english) || name;
}

/** Names of areas once each, at the middle of their box: a label layer would repeat them in every tile. */
function namesOf(features) {
  return {
    type: "FeatureCollection",
    features: features
      .filter((feature) => nameOf(feature.properties ?? {}))
      .map((feature) => {
        const box = [180, 90, -180, -90];
        const walk = (coordinates) => {
          if (typeof coordinates[0] !== "number") return coordinates.forEach(walk);
          box[0] = Math.min(box[0], coordinates[0]);
          box[1] = Math.min(box[1], coordinates[1]);
          box[2] = Math.max(box[2], coordinates[0]);
          box[3] = Math.max(box[3], coordinates[1]);
        };
        walk(feature.geometry.coordinates);
        return {
          type: "Feature",
          properties: { name: nameOf(feature.properties) },
          geometry: { type: "Point", coordinates: [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] },
        };
      }),
  };
}

async function addNames(map, layer, below) {
  const answer = await fetch(layer.url);
  const names = namesOf((await answer.json()).features ?? []);
  map.addSource(`${layer.id}-names`, { type: "geojson", data: names });
  const drawn = {
    id: `${layer.id}-names`,
    type: "symbol",
    source: `${layer.id}-names`,
    layout: { "text-field": ["get", "name"], "text-font": FACE, "text-size": 12, "text-variable-anchor": ["center", "top", "bottom"], "text-radial-offset": 1.4 },
    paint: { "text-color": token("--ink-3"), "text-halo-color": token("--map-area"), "text-halo-width": 1.4 },
  };
  map.addLayer(drawn, below);
}

function open(href, panel) {
  if (panel && document.querySelector(panel)) {
    globalThis.htmx.ajax("GET", href, { target: panel, push: "true" });
  } else {
    location.href = href;
  }
}

function listen(map, gl, layer, settings) {
  const marks = layer.kind === "cases" ? `${layer.id}-marks` : `${layer.id}-points`;
  const tip = new gl.Popup({ closeButton: false, closeOnClick: false, offset: 14 });
  map.on("click", marks, ({ features }) => {
    const { id, href } = features[0].properties;
    if (layer.kind === "cases") map.setFilter(`${layer.id}-chosen`, ["==", ["get", "id"], id]);
    if (href) open(href, settings.panel);
  });
  map.on("mouseenter", marks, ({ features }) => {
    map.getCanvas().style.cursor = "pointer";
    const { title } = features[0].properties;
    if (title) tip.setLngLat(features[0].geometry.coordinates).setText(title).addTo(map);
  });
  map.on("mouseleave", marks, () => {
    map.getCanvas().style.cursor = "";
    tip.remove();
  });
  if (layer.kind !== "cases") return;
  map.on("click", `${layer.id}-clusters`, async ({ features }) => {
    const { cluster_id: cluster } = features[0].properties;
    const zoom =
      cluster === undefined ? map.getZoom() + 2 : await map.getSource(layer.id).getClusterExpansionZoom(cluster);
    map.easeTo({ center: features[0].geometry.coordinates, zoom, duration: 200 });
  });
}

/** Where a layer's points come from now: as the list beside it is filtered, within what the map shows. */
function addressOf(layer, map) {
  const list = document.querySelector(`[data-source="${CSS.escape(layer.id)}"]`);
  const address = new URL(list?.dataset.url ?? layer.url, location.href);
  const shown = map.getBounds().toArray().flat().map((degrees) => degrees.toFixed(5));
  if (list) address.searchParams.set("box", shown.join(","));
  return address.href;
}

function refreshOn(map, layer) {
  let waiting;
  const beside = document.querySelector(`[data-source="${CSS.escape(layer.id)}"]`);
  if (beside) map.on("moveend", () => map.getSource(layer.id)?.setData(addressOf(layer, map)));
  for (const name of layer.refresh.split(" ").filter(Boolean)) {
    document.addEventListener(name, () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => map.getSource(layer.id)?.setData(addressOf(layer, map)), 400);
    });
  }
}

function pickInto(map, gl, settings) {
  const longitude = document.querySelector(settings.pick.longitude);
  const latitude = document.querySelector(settings.pick.latitude);
  const element = document.createElement("div");
  element.innerHTML = PIN;
  const pin = new gl.Marker({ element, anchor: "bottom", draggable: true });
  let writing = false;
  const write = ({ lng, lat }) => {
    longitude.value = lng.toFixed(6);
    latitude.value = lat.toFixed(6);
    pin.setLngLat([lng, lat]).addTo(map);
    writing = true;
    latitude.dispatchEvent(new Event("change", { bubbles: true }));
    writing = false;
  };
  const follow = () => {
    const place = [Number(longitude.value), Number(latitude.value)];
    if (writing || !longitude.value || !latitude.value || place.some(Number.isNaN)) return;
    if (Math.abs(place[1]) > 90 || Math.abs(place[0]) > 180) return;
    pin.setLngLat(place).addTo(map);
    map.easeTo({ center: place, zoom: Math.max(map.getZoom(), 15.5), duration: 200 });
  };
  map.on("click", ({ lngLat }) => write(lngLat));
  pin.on("dragend", () => write(pin.getLngLat()));
  // The map can be tapped, so the typed way folds up; it stays open where something is to be mended.
  const typed = longitude.closest("details");
  if (typed && !longitude.closest(".has-error")) typed.open = false;
  longitude.addEventListener("change", follow);
  latitude.addEventListener("change", follow);
  follow();
}

function showSelected(map, gl, [longitude, latitude]) {
  const element = document.createElement("div");
  element.innerHTML = PIN;
  new gl.Marker({ element, anchor: "bottom" }).setLngLat([longitude, latitude]).addTo(map);
}

function fail(figure, settings) {
  const message = figure.querySelector(".map-message");
  message.textContent = settings.words.failed;
  message.hidden = false;
}

export async function wake(figure) {
  const settings = JSON.parse(figure.dataset.map);
  let map;
  const gl = await loadLibrary();
  const [west, south, east, north] = settings.bounds;
  try {
    map = new gl.Map({
      container: figure.querySelector(".map-canvas"),
      style: {
        version: 8,
        sources: {},
        layers: [{ id: "land", type: "background", paint: { "background-color": token("--map-land") } }],
      },
      bounds: [[west, south], [east, north]],
      fitBoundsOptions: { padding: 24 },
      attributionControl: settings.attribution ? { compact: true, customAttribution: settings.attribution } : false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      locale: settings.words.controls,
    });
  } catch (problem) {
    fail(figure, settings);
    console.warn("map:", problem.message);
    return;
  }
  map.touchZoomRotate.disableRotation();
  map.addControl(new gl.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new gl.ScaleControl({ maxWidth: 90 }), "bottom-left");
  map.on("load", () => {
    for (const status of Object.keys(STATUSES)) map.addImage(`case-${status}`, mark(status), { pixelRatio: 2 });
    for (const layer of settings.layers) {
      map.addSource(layer.id, sourceOf(layer));
      for (const drawn of layersOf(layer)) map.addLayer(drawn);
      if (layer.kind === "cases" || layer.kind === "points") listen(map, gl, layer, settings);
      if (layer.refresh) refreshOn(map, layer);
    }
    // Names lie under the cases, whenever their file arrives.
    const cases = settings.layers.find((layer) => layer.kind === "cases");
    for (const layer of settings.layers) {
      if (layer.kind === "areas") addNames(map, layer, cases && `${cases.id}-clusters`);
    }
    if (settings.pick) pickInto(map, gl, settings);
    else if (settings.selected) showSelected(map, gl, settings.selected);
    figure.classList.add("is-live");
    map.once("idle", () => figure.classList.add("is-drawn"));
  });
}
