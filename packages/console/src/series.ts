/** One of the things that a chart shows. */
export interface Series {
  readonly name: string;
  /** One for each label; undefined: there is none. */
  readonly values: readonly (number | undefined)[];
  /** A custom property of the style sheet: `--series-1`. */
  readonly color: string;
}
