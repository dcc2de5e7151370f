/** What a chart shows. */
export interface Series {
  readonly name: string;
  /** One for each label; undefined: there is none. */
  readonly values: readonly (number | undefined)[];
  /** A custom property of the style sheet: `--series-1`. */
  readonly color: string;
}

export interface ChartProps {
  readonly title: string;
  /** Stacked bars, or a line with gaps. */
  readonly kind: "bars" | "line";
  /** What the labels are: `Hour`. */
  readonly axis: string;
  readonly labels: readonly string[];
  readonly series: readonly Series[];
  readonly formatValue: (value: number | undefined) => string;
  /** The end of the scale, where it is not that of the values. */
  readonly max?: number;
}
