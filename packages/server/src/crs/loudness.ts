/**
 * How an ad's sound is brought to the loudness of the content: measured first, then one constant gain, so that its dynamics
 * stay what they were.
 *
 * @see ATSC A/85 (−24 LKFS), EBU R 128; server-notes.md §4.6 (one-pass normalisation crushes the dynamics)
 */

export interface Loudness {
  /** LUFS (= LKFS); −Infinity for silence. */
  readonly integrated: number;
  /** Of the samples, dBFS: true peaks need oversampling, which costs more than all the rest of the measuring. */
  readonly peak: number;
}

/** Below the gate of BS.1770 there is nothing to bring up. */
const SILENCE = -70;
/** More than that would bring up noise. dB. */
const MAX_GAIN = 20;
/** Peaks of samples are kept below it: between them, and by lossy encoding, there is up to 1 dB more. dBFS. */
const CEILING = -2;

/** Reads the summary that ffmpeg's ebur128 filter prints; what it does not say is silence. */
export function parseLoudness(report: string): Loudness {
  const summary = report.slice(report.lastIndexOf("Summary:"));
  const read = (pattern: RegExp): number => Number(pattern.exec(summary)?.[1] ?? Number.NaN);
  const integrated = read(/\bI:\s*(-?[\d.]+) LUFS/);
  const peak = read(/\bPeak:\s*(-?[\d.]+) dBFS/);
  return {
    integrated: integrated > SILENCE ? integrated : Number.NEGATIVE_INFINITY,
    peak: Number.isNaN(peak) ? Number.NEGATIVE_INFINITY : peak,
  };
}

/**
 * The filters that bring audio of this loudness to `target`: a gain, and a limiter where a peak would clip. None for silence.
 *
 * @param target LKFS
 */
export function levelFilters(measured: Loudness, target: number): readonly string[] {
  if (!Number.isFinite(measured.integrated)) return [];
  const gain = Math.min(MAX_GAIN, target - measured.integrated);
  const volume = `volume=${gain.toFixed(2)}dB`;
  if (measured.peak + gain <= CEILING) return [volume];
  return [volume, `alimiter=level=false:limit=${(10 ** (CEILING / 20)).toFixed(4)}`];
}
