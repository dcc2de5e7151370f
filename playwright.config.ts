import { existsSync } from "node:fs";
import { defineConfig, type PlaywrightTestConfig } from "@playwright/test";

const firefoxPath = process.env["FIREFOX_PATH"] ?? "/usr/bin/firefox-esr";
const withFirefox = process.env["INTERLUDE_MATRIX"] === "full" && existsSync(firefoxPath);

/** Specs of the plugin over e2e/plugin/world.ts: small pictures in real time. */
const PLAYER = /e2e\/(?:plugin|remux)\/[\w-]+\.spec\.ts$/;

/** Three players at once, or every single frame: nothing else may run beside them. */
const ALONE = /e2e\/(?:cmaf|manifest-live|manifest-vod)\.spec\.ts$/;

/** Specs in which no browser plays. */
const NO_PLAYER = /npm-start\.spec\.ts$/;

const chromium: NonNullable<PlaywrightTestConfig["use"]> = {
  browserName: "chromium",
  launchOptions: {
    executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
    args: ["--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP interlude.test 127.0.0.1"],
  },
};

const firefox: typeof chromium = {
  browserName: "firefox",
  channel: "moz-firefox",
  launchOptions: {
    executablePath: firefoxPath,
    firefoxUserPrefs: {
      "media.autoplay.default": 0,
      "media.autoplay.blocking_policy": 0,
      // a canvas gets the picture that is on screen, and none that is older
      "media.video-queue.send-to-compositor-size": 1,
      "network.dns.localDomains": "interlude.test",
    },
  },
};

/** Others start their own server with ffmpeg behind it, so that a cold creative is really cold. */
const listProjects = (prefix: string, use: typeof chromium): NonNullable<PlaywrightTestConfig["projects"]> =>
  [
    { name: "player", testMatch: PLAYER },
    { name: "server", testIgnore: [PLAYER, ALONE, ...(use === chromium ? [] : [NO_PLAYER])] },
    { name: "alone", testMatch: ALONE, workers: 1 },
  ].map(({ name, ...files }) => ({
    ...files,
    name: `${prefix}${name}`,
    outputDir: `.interlude/test-results/${prefix}${name}`,
    use,
  }));

/** `alone` runs after the others, by package.json: a folder for each project keeps what an earlier run has left there. */
export default defineConfig({
  testDir: "e2e",
  // Vitest runs e2e/**/*.test.ts
  testMatch: "**/*.spec.ts",
  // where a machine is shared, as in continuous integration, a second player may cost the first one its frames
  workers: process.env["CI"] ? 1 : 2,
  forbidOnly: Boolean(process.env["CI"]),
  timeout: 180_000,
  reporter: [["list"], ["json", { outputFile: ".interlude/reports/e2e.json" }]],
  use: { trace: "retain-on-failure" },
  projects: [...listProjects("", chromium), ...(withFirefox ? listProjects("firefox-", firefox) : [])],
});
