/** A chart, and the same numbers as a table for those who do not see it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChartProps, Series } from "../chart-props.ts";
import { Complaint } from "./states.tsx";
import { Table } from "./table.tsx";

/** The library comes with the first chart; until then, and without it, the table has all there is. */
export function Chart(props: ChartProps): JSX.Element {
  const { title, axis, labels, series, formatValue } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [complaint, setComplaint] = useState<string>();
  const isDark = useDarkness();
  useEffect(() => {
    let end: (() => void) | undefined;
    let isOver = false;
    const draw = async (): Promise<void> => {
      const { drawChart } = await import("./draw-chart.ts");
      if (!isOver && canvas.current) end = drawChart(canvas.current, props);
    };
    draw().catch(() => setComplaint("The chart could not be drawn; the table below has its numbers."));
    return () => {
      isOver = true;
      end?.();
    };
  }, [props.kind, props.max, labels, series, formatValue, isDark]);
  return (
    <figure class="chart">
      <figcaption class="hidden">{title}</figcaption>
      {complaint ? <Complaint message={complaint} /> : <Canvas reference={canvas} {...props} />}
      <Legend series={series} />
      <details>
        <summary>As a table</summary>
        <Table
          caption={title}
          isCaptionHidden
          columns={[
            { title: axis, cell: (place: number) => labels[place] },
            ...series.map(({ name, values }) => ({
              title: name,
              isNumber: true,
              cell: (place: number) => formatValue(values[place]),
            })),
          ]}
          rows={labels.map((_, place) => place)}
        />
      </details>
    </figure>
  );
}

function Canvas({
  title,
  reference,
}: ChartProps & { readonly reference: { current: HTMLCanvasElement | null } }): JSX.Element {
  return (
    <div class="canvas">
      <canvas ref={reference} role="img" aria-label={`${title}. The table below has the numbers.`} />
    </div>
  );
}

function Legend({ series }: { readonly series: readonly Series[] }): JSX.Element | null {
  if (series.length < 2) return null;
  return (
    <ul class="legend">
      {series.map(({ name, color }) => (
        <li key={name}>
          <i style={{ background: `var(${color})` }} />
          {name}
        </li>
      ))}
    </ul>
  );
}

/** Whether the page is dark, now and whenever that changes. */
function useDarkness(): boolean {
  const [isDark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => setDark(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, []);
  return isDark;
}
