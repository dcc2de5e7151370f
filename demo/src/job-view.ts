/** How far the repackaging is that a viewing caused or met. */
import { find, setText } from "./elements.ts";
import type { Facts } from "./story.ts";

type Job = NonNullable<Facts["job"]>;

const JOB_TEXT: Readonly<Record<Job["state"], string>> = {
  absent: "asked for",
  queued: "waiting",
  fetching: "fetching the creative",
  transcoding: "making the ladder",
  publishing: "uploading to the CDN",
  ready: "ready on the CDN",
  failed: "failed",
  blocked: "failed too often",
};

/** Whether the work is over without a copy. */
export function isLost(state: Job["state"]): boolean {
  return state === "failed" || state === "blocked";
}

/** @param isUnneeded where there is no job: nothing had to be made */
export function renderJob(job: Facts["job"], isUnneeded: boolean): void {
  const progress = find("job-progress", HTMLProgressElement);
  find("job", HTMLElement).dataset["state"] = job?.state ?? "idle";
  const percent = Math.round((job?.state === "ready" ? 1 : (job?.progress ?? 0)) * 100);
  progress.value = percent;
  const reason = job?.reason ? `: ${job.reason}` : "";
  const nothing = isUnneeded ? "not needed" : "none yet";
  const share = job && percent > 0 && percent < 100 && !isLost(job.state) ? `${percent} %, ` : "";
  setText(find("job-state", HTMLSpanElement), job ? `${share}${JOB_TEXT[job.state]}${reason}` : nothing);
}
