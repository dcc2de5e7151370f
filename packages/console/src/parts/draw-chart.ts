/** Charts by Chart.js: those parts of it that the console uses. */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";
import type { ChartProps } from "../chart-props.ts";

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);

/** @returns takes it down */
export function drawChart(canvas: HTMLCanvasElement, props: ChartProps): () => void {
  const chart = new Chart<"bar" | "line", (number | null)[], string>(canvas, describeChart(canvas, props));
  return () => chart.destroy();
}

function describeChart(
  canvas: HTMLCanvasElement,
  props: ChartProps,
): ChartConfiguration<"bar" | "line", (number | null)[], string> {
  const { kind, labels, formatValue, max } = props;
  const [soft, line] = ["--soft", "--line"].map((name) => resolveColor(canvas, name));
  const isStacked = kind === "bars";
  const grid = { color: line ?? "", drawTicks: false };
  const ticks = { color: soft ?? "", font: { family: getComputedStyle(canvas).fontFamily, size: 12 } };
  return {
    type: isStacked ? "bar" : "line",
    data: { labels: [...labels], datasets: listDatasets(canvas, props) },
    options: {
      animation: false,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: {
          stacked: isStacked,
          grid: { display: false },
          border: { color: line ?? "" },
          ticks: { ...ticks, maxRotation: 0, autoSkipPadding: 8 },
        },
        y: {
          stacked: isStacked,
          beginAtZero: true,
          ...(max === undefined ? {} : { max }),
          grid,
          border: { display: false },
          ticks: { ...ticks, precision: max === undefined ? 0 : 2, callback: (value) => formatValue(Number(value)) },
        },
      },
      plugins: {
        tooltip: {
          callbacks: { label: ({ dataset, parsed }) => ` ${dataset.label}: ${formatValue(parsed.y ?? undefined)}` },
          filter: ({ parsed }) => !isStacked || parsed.y !== 0,
        },
      },
    },
  };
}

function listDatasets(
  canvas: HTMLCanvasElement,
  { kind, series }: ChartProps,
): ChartConfiguration<"bar" | "line", (number | null)[], string>["data"]["datasets"] {
  const isStacked = kind === "bars";
  return series.map(({ name, values, color }) => ({
    label: name,
    data: values.map((value) => value ?? null),
    backgroundColor: resolveColor(canvas, color),
    // What lies on another bar is set off from it.
    borderColor: resolveColor(canvas, isStacked ? "--card" : color),
    borderWidth: isStacked ? { top: 1, right: 0, bottom: 0, left: 0 } : 2,
    pointRadius: 3,
    clip: isStacked ? 0 : 6,
    maxBarThickness: 40,
    tension: 0,
  }));
}

/** A canvas knows no custom properties, and light-dark() is resolved only where it is used. */
function resolveColor(canvas: HTMLCanvasElement, name: string): string {
  const before = canvas.style.color;
  canvas.style.color = `var(${name})`;
  const { color } = getComputedStyle(canvas);
  canvas.style.color = before;
  return color;
}
