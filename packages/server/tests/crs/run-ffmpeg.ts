/** Starts an endless ffmpeg through the wrapper, prints its pid when it has begun to work, and waits to be killed. */
import { readFileSync } from "node:fs";
import { createFfmpeg } from "../../src/crs/ffmpeg.ts";
import { writeWrapper } from "../../src/crs/ffmpeg-wrapper.ts";

const [directory = "", setpriv = ""] = process.argv.slice(2);
const program = writeWrapper({ directory, program: "ffmpeg", parent: process.pid, setpriv: setpriv || undefined });
let isTold = false;
const onTime = (): void => {
  if (isTold) return;
  isTold = true;
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
  console.log(children[0]);
};
await createFfmpeg(program)(
  {
    inputs: [
      {
        options: ["-v", "error", "-progress", "pipe:2", "-stats_period", "0.1", "-re", "-f", "lavfi"],
        path: "anullsrc",
      },
    ],
    outputs: [{ options: ["-f", "null"], path: "-" }],
  },
  { timeoutMs: 60_000, signal: new AbortController().signal, onTime },
);
