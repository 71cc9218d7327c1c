// Draws a chart over its table. Colours and face come from the tokens, so light, dark and print agree; the
// tooltip is drawn on the canvas because the page's policy allows no styles in markup.

const ECHARTS = "/static/vendor/echarts-6.1.0/echarts.common.min.js";
const SERIES_TOKENS = ["--teal", "--duesoon", "--paused", "--ontime", "--breached"];
const SYMBOLS = ["circle", "triangle", "rect", "diamond", "roundRect"];

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(settings) {
  const ink = token("--ink-2");
  const line = token("--line");
  const face = token("--face");
  const text = { color: ink, fontFamily: face, fontSize: 12 };
  const bars = settings.kind !== "line";
  const goal =
    settings.goal == null
      ? undefined
      : {
          silent: true,
          symbol: "none",
          lineStyle: { color: token("--line-strong"), type: "dashed" },
          label: { ...text, formatter: settings.goalLabel, position: "insideEndTop" },
          data: [{ yAxis: settings.goal }],
        };
  return {
    animation: false,
    textStyle: text,
    color: SERIES_TOKENS.map(token),
    grid: { left: 8, right: 12, top: settings.series.length > 1 ? 34 : 14, bottom: 4, containLabel: true },
    legend: settings.series.length > 1 ? { top: 0, left: 0, textStyle: text, itemHeight: 9 } : undefined,
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: token("--surface"),
      borderColor: line,
      textStyle: { ...text, color: token("--ink") },
      axisPointer: { type: bars ? "shadow" : "line" },
    },
    xAxis: {
      type: "category",
      data: settings.names,
      boundaryGap: bars,
      axisLabel: text,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: token("--line-strong") } },
    },
    yAxis: { type: "value", axisLabel: text, splitLine: { lineStyle: { color: line } } },
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
  figure.classList.add("is-live");
  figure.querySelector(".chart-table").open = false;
  const chart = globalThis.echarts.init(canvas, null, { renderer: "canvas" });
  chart.setOption(options(JSON.parse(figure.dataset.chart)));
  new ResizeObserver(() => {
    if (canvas.isConnected) chart.resize();
    else chart.dispose();
  }).observe(canvas);
}
