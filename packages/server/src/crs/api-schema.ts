/** What the routes of the JSON API have in common: the shape of a creative, and how it is named. */
import { type TObject, type TString, type TUnsafe, Type } from "@fastify/type-provider-typebox";
import type { CreativeState } from "@interlude/core";
import { HttpError } from "../http-error.ts";
import { ErrorBody, ZoneName } from "../schema.ts";
import type { CreativeStatus } from "./crs.ts";

/** Where a creative stands. */
export const State: TUnsafe<CreativeState> = Type.Unsafe<CreativeState>(
  Type.Union([
    Type.Literal("absent"),
    Type.Literal("queued"),
    Type.Literal("fetching"),
    Type.Literal("transcoding"),
    Type.Literal("publishing"),
    Type.Literal("ready"),
    Type.Literal("failed"),
    Type.Literal("blocked"),
  ]),
);

const Key = Type.String({ pattern: "^[0-9a-f]{32}$", description: "h1: 32 hex digits" });

/** A {@link CreativeStatus}. */
export const Creative: TUnsafe<CreativeStatus> = Type.Unsafe<CreativeStatus>(
  Type.Object({
    zone: Type.String(),
    key: Type.String(),
    creativeUrl: Type.String(),
    adSystem: Type.Optional(Type.String({ description: "as VAST named it last, like the two below" })),
    adId: Type.Optional(Type.String()),
    creativeId: Type.Optional(Type.String()),
    state: State,
    progress: Type.Number({ description: "0 to 1" }),
    attempts: Type.Integer(),
    reason: Type.Optional(Type.String({ description: "why it failed: one of a closed list" })),
    message: Type.Optional(Type.String({ description: "why it failed, for people" })),
    retryAt: Type.Optional(Type.String({ description: "ISO 8601; not tried before" })),
    packages: Type.Array(
      Type.Object({
        packaging: Type.String(),
        targetDuration: Type.Integer({ description: "s" }),
        path: Type.String({ description: "of the master playlist, below a CDN base" }),
        cdns: Type.Array(Type.String(), { description: "the CDNs that have something of it that plays" }),
        isWhole: Type.Boolean({ description: "whether all of these have the whole ladder of the present source" }),
      }),
    ),
    refused: Type.Array(
      Type.Object({ packaging: Type.String(), targetDuration: Type.Integer(), reason: Type.String() }),
      { description: "what was asked for and is not made here" },
    ),
    duration: Type.Optional(Type.Number({ description: "s; left out until it is encoded" })),
    renditions: Type.Array(
      Type.Object({
        name: Type.String(),
        width: Type.Integer(),
        height: Type.Integer(),
        bandwidthBps: Type.Integer(),
        frameRate: Type.Number(),
        codec: Type.String({ description: "RFC 6381, of the video" }),
      }),
    ),
    createdAt: Type.String({ description: "ISO 8601" }),
    updatedAt: Type.String({ description: "ISO 8601" }),
  }),
);

/** A creative in a path. */
export const Subject: TObject<{ zone: TString; key: TString }> = Type.Object({ zone: ZoneName, key: Key });

/** Of every route. */
export const COMMON: { readonly tags: string[]; readonly security: { bearer: string[] }[] } = {
  tags: ["repackaging"],
  security: [{ bearer: [] }],
};
/** What every route may answer. */
export const ERRORS: { readonly 400: typeof ErrorBody; readonly 401: typeof ErrorBody } = {
  400: ErrorBody,
  401: ErrorBody,
};

/** The answer where no creative has this address. */
export function unknownCreative({ zone, key }: { readonly zone: string; readonly key: string }): HttpError {
  const message = `creative ${zone}/${key}: expected one that was asked for, got one that never was, or was forgotten`;
  return new HttpError("not-found", message);
}
