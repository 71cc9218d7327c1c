// Draws a chart over its table. Colours and face come from the tokens, so light, dark and print agree; the
// tooltip is drawn on the canvas because the page's policy allows no styles in markup.

const ECHARTS = "/static/vendor/echarts-6.1.0/echarts.common.min.js";
const SERIES_TOKENS = ["--teal", "--duesoon", "--paused", "--ontime", "--breached"];
const SYMBOLS = ["circle", "triangle", "rect", "diamond", "roundRect"];

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** More names than can stand side by side lie one under another. */
function lies(settings) {
  return settings.kind === "bar" && settings.names.length > 6;
}

function options(settings) {
  const ink = token("--ink-2");
  const line = token("--line");
  const face = token("--face");
  const text = { color: ink, fontFamily: face, fontSize: 12 };
  const bars = settings.kind !== "line";
  const lying = lies(settings);
  const goal =
    settings.goal == null
      ? undefined
      : {
          silent: true,
          symbol: "none",
          lineStyle: { color: token("--line-strong"), type: "dashed" },
          label: { ...text, formatter: settings.goalLabel, position: lying ? "start" : "insideEndTop" },
          data: [lying ? { xAxis: settings.goal } : { yAxis: settings.goal }],
        };
  const names = {
    type: "category",
    data: settings.names,
    boundaryGap: bars,
    inverse: lying,
    axisLabel: { ...text, interval: lying ? 0 : "auto", width: 130, overflow: "truncate" },
    axisTick: { show: false },
    axisLine: { lineStyle: { color: token("--line-strong") } },
  };
  const values = { type: "value", axisLabel: text, splitLine: { lineStyle: { color: line } } };
  return {
    animation: false,
    textStyle: text,
    color: SERIES_TOKENS.map(token),
    grid: { left: 8, right: 12, top: settings.series.length > 1 ? 34 : lying ? 24 : 14, bottom: 4, containLabel: true },
    legend: settings.series.length > 1 ? { top: 0, left: 0, textStyle: text, itemHeight: 9 } : undefined,
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: token("--surface"),
      borderColor: line,
      textStyle: { ...text, color: token("--ink") },
      axisPointer: { type: bars ? "shadow" : "line" },
    },
    xAxis: lying ? values : names,
    yAxis: lying ? names : values,
    series: settings.series.map((each, i) => ({
      name: each.label,
      type: bars ? "bar" : "line",
      stack: settings.kind === "stacked" ? "all" : undefined,
      data: each.values,
      barMaxWidth: 28,
      symbol: SYMBOLS[i % SYMBOLS.length],
      symbolSize: 6,
      lineStyle: { width: 2 },
      markLine: i === 0 ? goal : undefined,
    })),
  };
}

export async function wake(figure) {
  await import(ECHARTS);
  const canvas = figure.querySelector(".chart-canvas");
  const settings = JSON.parse(figure.dataset.chart);
  figure.classList.add("is-live");
  if (lies(settings)) canvas.style.height = `${settings.names.length * 28 + 56}px`;
  const folded = figure.querySelector(".chart-table");
  if (folded) folded.open = false;
  const chart = globalThis.echarts.init(canvas, null, { renderer: "canvas" });
  chart.setOption(options(settings));
  new ResizeObserver(() => {
    if (canvas.isConnected) chart.resize();
    else chart.dispose();
  }).observe(canvas);
}
