import { existsSync } from "node:fs";
import { defineConfig, type PlaywrightTestConfig } from "@playwright/test";

const firefoxPath = process.env["FIREFOX_PATH"] ?? "/usr/bin/firefox-esr";
const withFirefox = process.env["INTERLUDE_MATRIX"] === "full" && existsSync(firefoxPath);

/**
 * Specs of the plugin over e2e/plugin/world.ts: small pictures in real time, so that two at once go by waiting. All others start their own
 * server with ffmpeg behind it, so that a cold creative is really cold, and have the machine for themselves.
 */
const PLAYER = /e2e\/plugin\/[\w-]+\.spec\.ts$/;

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
      "network.dns.localDomains": "interlude.test",
    },
  },
};

export default defineConfig({
  testDir: "e2e",
  outputDir: ".interlude/test-results",
  // where a machine is shared, as in continuous integration, a second player may cost the first one its frames
  workers: process.env["CI"] ? 1 : 2,
  forbidOnly: Boolean(process.env["CI"]),
  timeout: 180_000,
  reporter: [["list"], ["json", { outputFile: ".interlude/reports/e2e.json" }]],
  use: { trace: "retain-on-failure" },
  projects: [
    { name: "player", testMatch: PLAYER, use: chromium },
    { name: "chromium", testIgnore: PLAYER, workers: 1, dependencies: ["player"], use: chromium },
    ...(withFirefox
      ? [
          { name: "firefox", testMatch: PLAYER, use: firefox },
          {
            name: "firefox-server",
            testIgnore: [PLAYER, NO_PLAYER],
            workers: 1,
            dependencies: ["chromium", "firefox"],
            use: firefox,
          },
        ]
      : []),
  ],
});
