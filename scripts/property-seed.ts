/**
 * Property tests draw the same cases in each run of `npm test`, so that a commit passes or fails alike on every machine.
 * `npm run test:full` draws new ones; what it finds becomes a test of its own.
 */
import * as fc from "fast-check";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    readonly isFullMatrix: boolean;
  }
}

if (!inject("isFullMatrix")) fc.configureGlobal({ seed: 20_261_121 });
