/** The examples of docs/plugin as pages of a world: each file is bundled as it is, and loaded as a module. */
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { build, defaultClientConditions } from "vite";
import type { World } from "./world.ts";

const EXAMPLES = {
  "pre-roll": "ts",
  vmap: "ts",
  live: "ts",
  autoplay: "ts",
  resume: "ts",
  resolver: "ts",
  "react-page": "tsx",
  "server-session": "ts",
  videojs: "ts",
  "videojs-hls": "ts",
} as const;
export type ExampleName = keyof typeof EXAMPLES;

/** Bundles the examples, and answers the addresses that they name; the ad tags beyond `/ads/vast` are the specs'. */
export async function answerExamples(world: World): Promise<void> {
  for (const { fileName, code } of await bundleExamples())
    world.answer(`/js/${fileName}`, { body: code, type: "text/javascript" });
  world.answerVast("/ads/vast", "a");
  await answerContent(world, "/content/master.m3u8", world.contentUrl("ts"));
  await answerContent(world, "/content/live.m3u8", world.contentUrl("live"));
}

/** The examples name their content as a publisher's site does: the same master at another address. */
async function answerContent(world: World, path: string, url: string): Promise<void> {
  const text = await (await fetch(url)).text();
  const body = text.replaceAll(/^(?!#)(?=\S).*/gm, (uri) => new URL(uri, url).href);
  world.answer(path, { body, type: "application/vnd.apple.mpegurl" });
}

async function bundleExamples(): Promise<readonly { readonly fileName: string; readonly code: string }[]> {
  const input = Object.entries(EXAMPLES).map(([name, type]) => [
    name,
    join(import.meta.dirname, `../examples/${name}.${type}`),
  ]);
  const built = await build({
    root: import.meta.dirname,
    configFile: false,
    logLevel: "error",
    base: "..",
    resolve: { conditions: ["interlude-source", ...defaultClientConditions] },
    build: {
      write: false,
      target: "es2023",
      modulePreload: false,
      chunkSizeWarningLimit: 5000,
      rolldownOptions: {
        input: Object.fromEntries(input),
        output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
      },
    },
  });
  const outputs = Array.isArray(built) ? built : "output" in built ? [built] : [];
  return outputs.flatMap(({ output }) => output.flatMap((item) => (item.type === "chunk" ? [item] : [])));
}

/**
 * Opens a page with nothing but the example.
 *
 * @param policy a content security policy
 */
export async function openExample(page: Page, world: World, name: ExampleName, policy?: string): Promise<void> {
  const csp = policy === undefined ? "" : `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  const body = `<!doctype html>${csp}<link rel="icon" href="data:,"><body><script type="module" src="/js/${name}.js"></script>`;
  world.answer(`/page/${name}.html`, { body, type: "text/html" });
  await page.goto(new URL(`${name}.html`, world.pageUrl).href);
}

/** Starts the page's video without sound; resolves when it plays. */
export async function playMuted(page: Page): Promise<void> {
  await page.locator("video").evaluate(async (video: HTMLVideoElement) => {
    video.muted = true;
    await video.play();
  });
}
