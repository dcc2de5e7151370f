/**
 * `npm test`: every part runs, also where one before it has failed, so that one look at the output tells of all that is wrong. Nothing runs
 * beside the end-to-end tests: a player that waits for the processor loses frames.
 */
import { spawnSync } from "node:child_process";

const PARTS = ["check", "test:unit", "test:e2e", "test:alone"];

const failed = PARTS.filter((part) => spawnSync("npm", ["run", part], { stdio: "inherit" }).status !== 0);
if (failed.length > 0) {
  console.error(`npm test: ${failed.join(", ")} failed`);
  process.exitCode = 1;
}
