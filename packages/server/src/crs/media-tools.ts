/** What makes media: the two programs, and what an operator set. */
import type { CrsConfig } from "./crs-config.ts";
import type { RunFfmpeg } from "./ffmpeg.ts";
import type { RunFfprobe } from "./ffprobe.ts";

export interface MediaTools {
  readonly runFfmpeg: RunFfmpeg;
  readonly runFfprobe: RunFfprobe;
  readonly config: Pick<CrsConfig, "limits" | "rungs" | "loudness">;
}
