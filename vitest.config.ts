import { availableParallelism } from "node:os";
import { playwright } from "@vitest/browser-playwright";
import { defaultClientConditions } from "vite";
import { defineConfig } from "vitest/config";
import { embedWorker } from "./packages/plugin/embed-worker.ts";

const conditions = ["interlude-source", ...defaultClientConditions];
const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: ["interlude-source"], externalConditions: ["interlude-source"] } },
  test: {
    // Half of the time of many files goes by waiting: for heartbeats, back-offs and time-outs that are their subject.
    maxWorkers: availableParallelism() + 1,
    provide: { isFullMatrix: process.env["INTERLUDE_MATRIX"] === "full" },
    setupFiles: ["./scripts/property-seed.ts"],
    reporters: ["default", "json"],
    outputFile: { json: ".interlude/reports/unit.json" },
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: [
            "packages/*/tests/**/*.test.ts",
            "scripts/tests/**/*.test.ts",
            "demo/tests/**/*.test.ts",
            "e2e/**/*.test.ts",
            "bench/**/*.test.ts",
          ],
          exclude: ["**/*.browser.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        plugins: [embedWorker()],
        test: {
          name: "browser",
          include: ["packages/*/tests/**/*.browser.test.ts"],
          globalSetup: ["./packages/plugin/tests/hosts/browser-media.ts"],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath } }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
    ],
  },
});
