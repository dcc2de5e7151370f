import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const firefox = process.env["FIREFOX_PATH"] ?? "/usr/bin/firefox-esr";
const withFirefox = process.env["INTERLUDE_MATRIX"] === "full" && existsSync(firefox);

/** Every spec starts its own server on a free port (e2e/server.ts), so that a cold creative is really cold. */
export default defineConfig({
  testDir: "e2e",
  outputDir: ".interlude/test-results",
  workers: 1,
  forbidOnly: Boolean(process.env["CI"]),
  timeout: 180_000,
  reporter: [["list"], ["json", { outputFile: ".interlude/reports/e2e.json" }]],
  use: { trace: "retain-on-failure" },
  projects: [
    {
      name: "chromium",
      use: {
        browserName: "chromium",
        launchOptions: {
          executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
          args: ["--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP interlude.test 127.0.0.1"],
        },
      },
    },
    ...(withFirefox
      ? [
          {
            name: "firefox",
            use: {
              browserName: "firefox" as const,
              channel: "moz-firefox",
              launchOptions: {
                executablePath: firefox,
                firefoxUserPrefs: { "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0 },
              },
            },
          },
        ]
      : []),
  ],
});
