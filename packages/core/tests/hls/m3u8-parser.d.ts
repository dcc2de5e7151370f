/** The part of m3u8-parser (which ships no types) that the tests read. */
declare module "m3u8-parser" {
  interface ParsedSegment {
    readonly uri: string;
    readonly duration: number;
    readonly timeline: number;
    readonly discontinuity?: boolean;
    readonly key?: { readonly method: string; readonly uri: string; readonly iv?: Uint32Array };
    readonly map?: { readonly uri: string };
    readonly byterange?: { readonly length: number; readonly offset: number };
    readonly dateTimeString?: string;
  }
  export class Parser {
    readonly manifest: {
      readonly segments: readonly ParsedSegment[];
      readonly mediaSequence: number;
      readonly discontinuitySequence: number;
      readonly targetDuration: number;
      readonly version?: number;
      readonly endList?: boolean;
    };
    on(kind: "warn" | "error", listener: (event: { readonly message: string }) => void): void;
    push(text: string): void;
    end(): void;
  }
}
