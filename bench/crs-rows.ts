/** What was measured of one source, as lines of the table. */
import type { ColdRun } from "./crs-cold.ts";
import type { Cost } from "./crs-cost.ts";
import type { BenchSource } from "./crs-sources.ts";
import { median, type Row, verdict } from "./table.ts";

export interface Measured {
  readonly source: BenchSource;
  readonly isRemuxed: boolean;
  readonly otherOptions: readonly string[];
  readonly theirs: Cost;
  readonly ours: ColdRun;
  /** Of each rung. */
  readonly ssim: readonly { readonly name: string; readonly ours: number; readonly theirs: number }[];
}

const FIRST = { maxSeconds: 1.5, minRatio: 15 };
const MAX_LADDER = { remuxed: 1.1, encoded: 1.3 };
const MAX_SECOND = 1;
const MAX_SSIM_LOSS = 0.005;

export function rowsOf(measured: Measured): readonly Row[] {
  return [
    firstRow(measured),
    ladderRow(measured),
    cpuRow(measured),
    memoryRow(measured),
    ssimRow(measured),
    ...measured.ours.second.map(({ name, time }) => secondRow(measured.source, name, time)),
  ];
}

/** Of something that could not be measured. */
export function failureRow(name: string, error: unknown): Row {
  const reason = error instanceof Error ? error.message : String(error);
  const note = reason.replaceAll(/\s+/g, " ").replaceAll("|", "/").slice(0, 500);
  return { name, ours: "FAILED", theirs: "-", ratio: "-", budget: "-", note };
}

function firstRow({ source, isRemuxed, ours, theirs }: Measured): Row {
  const time = median(ours.firsts);
  const ratio = theirs.wall / time;
  const isKept = !source.hasFirstBudget || (time <= FIRST.maxSeconds && ratio >= FIRST.minRatio);
  const what = ours.firstVariants > 1 ? "the whole ladder" : isRemuxed ? "a remux" : "one rung, encoded";
  const trials = ours.firsts.map((one) => one.toFixed(2)).join(", ");
  return {
    name: `${source.name}: cold → first playable`,
    ours: seconds(time, 2),
    theirs: seconds(theirs.wall),
    ratio: `${ratio.toFixed(1)}×`,
    budget: source.hasFirstBudget ? `≤ ${FIRST.maxSeconds} s, ≥ ${FIRST.minRatio}×` : "-",
    note: verdict(isKept, `${what}; median of ${trials}; the last: ${ours.firstParts}`),
  };
}

function ladderRow({ source, isRemuxed, otherOptions, ours, theirs }: Measured): Row {
  const budget = isRemuxed ? MAX_LADDER.remuxed : MAX_LADDER.encoded;
  const ratio = ours.ladder / theirs.wall;
  const others = otherOptions.length > 0 ? `; encoders differ: ${otherOptions.join(", ")}` : "";
  return {
    name: `${source.name}: cold → ladder on all CDNs`,
    ours: seconds(ours.ladder),
    theirs: seconds(theirs.wall),
    ratio: ratio.toFixed(2),
    budget: `≤ ${budget}`,
    note: verdict(ratio <= budget, `first layer ${isRemuxed ? "remuxed" : "encoded"}${others}`),
  };
}

function cpuRow({ source, ours, theirs }: Measured): Row {
  return {
    name: `${source.name}: processor time of the ladder`,
    ours: seconds(ours.cost.cpu),
    theirs: seconds(theirs.cpu),
    ratio: (ours.cost.cpu / theirs.cpu).toFixed(2),
    budget: "-",
    note: "user and system, of all processes; ours with download, database and publishing",
  };
}

function memoryRow({ source, ours, theirs }: Measured): Row {
  return {
    name: `${source.name}: memory of ffmpeg, peak`,
    ours: megabytes(ours.cost.childBytes),
    theirs: megabytes(theirs.childBytes),
    ratio: (ours.cost.childBytes / theirs.childBytes).toFixed(2),
    budget: "-",
    note: `resident, all at one time; our own process, with the embedded database, ${megabytes(ours.cost.ownBytes)}`,
  };
}

function ssimRow({ source, ssim }: Measured): Row {
  const rungs = ssim.map((one) => ({ ...one, gain: one.ours - one.theirs })).toSorted((a, b) => a.gain - b.gain);
  const [worst] = rungs;
  const gain = worst?.gain ?? Number.NaN;
  const others = rungs.slice(1).map((one) => `${one.name} ${signed(one.gain)}`);
  return {
    name: `${source.name}: SSIM to the source, worst of ${ssim.length} rungs (${worst?.name})`,
    ours: (worst?.ours ?? Number.NaN).toFixed(4),
    theirs: (worst?.theirs ?? Number.NaN).toFixed(4),
    ratio: signed(gain),
    budget: `≥ −${MAX_SSIM_LOSS}`,
    note: verdict(gain >= -MAX_SSIM_LOSS, `difference instead of ratio; others: ${others.join(", ")}`),
  };
}

function secondRow({ name }: BenchSource, packaging: string, time: number): Row {
  return {
    name: `${name}: ready creative → ${packaging}`,
    ours: seconds(time, 2),
    theirs: "-",
    ratio: "-",
    budget: `≤ ${MAX_SECOND} s`,
    note: verdict(time <= MAX_SECOND, "on all CDNs"),
  };
}

function seconds(value: number, digits = 1): string {
  return `${value.toFixed(digits)} s`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
}
