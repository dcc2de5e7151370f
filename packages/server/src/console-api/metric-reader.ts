/** Reads numbers of this process back out of its metrics, so that nothing is counted twice. */
import type { MetricValue, Registry } from "prom-client";

/** By the value of one label. */
export type Counts = Readonly<Record<string, number>>;

export interface MetricReader {
  /** The sum of all of a counter's or gauge's values whose labels are as given; 0 where the metric is not there. */
  sum(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** The same for each value of one label; empty where nothing was counted. */
  countBy(name: string, label: string): Promise<Counts>;
  /** undefined: not there. */
  histogram(name: string): Promise<HistogramReading | undefined>;
}

/** Of all labels together. */
export interface HistogramReading {
  readonly count: number;
  readonly sum: number;
  /** How many were in each bucket and in none before; the last has no bound. */
  readonly buckets: readonly { readonly upTo?: number; readonly count: number }[];
}

export function createMetricReader(registry: Registry): MetricReader {
  const read = async (name: string): Promise<readonly Reading[]> =>
    (await registry.getSingleMetric(name)?.get())?.values ?? [];
  return {
    sum: async (name, labels = {}) => {
      const wanted = Object.entries(labels);
      const values = await read(name);
      return total(values.filter((value) => wanted.every(([label, text]) => labelOf(value, label) === text)));
    },
    countBy: async (name, label) => Object.fromEntries(addUp(await read(name), label)),
    histogram: async (name) => {
      const values = await read(name);
      return values.length === 0 ? undefined : readHistogram(name, values);
    },
  };
}

/** Of a histogram: `metricName` ends with what is counted. */
type Reading = MetricValue<string> & { readonly metricName?: string };

function labelOf({ labels }: Reading, label: string): string {
  return String(labels[label] ?? "");
}

function total(values: readonly Reading[]): number {
  return values.reduce((sum, { value }) => sum + value, 0);
}

/** By the value of one label, in the order in which it is met. */
function addUp(values: readonly Reading[], label: string): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const one of values) totals.set(labelOf(one, label), (totals.get(labelOf(one, label)) ?? 0) + one.value);
  return totals;
}

/** What is counted is cumulative: each bucket has those before it as well. */
function readHistogram(name: string, values: readonly Reading[]): HistogramReading {
  const part = (suffix: string): readonly Reading[] =>
    values.filter(({ metricName }) => metricName === `${name}_${suffix}`);
  let before = 0;
  const buckets = [...addUp(part("bucket"), "le")].map(([bound, upToHere]) => {
    const count = upToHere - before;
    before = upToHere;
    return { ...(bound !== "+Inf" && { upTo: Number(bound) }), count };
  });
  return { count: total(part("count")), sum: total(part("sum")), buckets };
}
