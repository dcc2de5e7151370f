/**
 * The tags of a zone whose ads come from its ad servers.
 *
 *   1. the request                              → what the relay is asked
 *   2. asked ahead for this viewer, with ads    → that answer; else the relay's
 *   3. creatives that are ready                 → their HLS copy, as the zone says; the others → repackage tickets
 *   4. what the player takes                    → VAST or VMAP, or the ads that are HLS as an asset list
 *   5. each break that was asked for, each ad   → noted down
 *   6. a hint of the next break                 → asked ahead
 *
 * @see primetime.md §1.14, §3.3
 */
import { parseVast, VAST_ERROR_OF_SKIP } from "@interlude/core";
import type { FastifyReply, FastifyRequest } from "fastify";
import { readBaseUrl } from "../../base-url.ts";
import type { NoteEvent } from "../../noted-event.ts";
import { isMadeUp } from "../../own-address.ts";
import { readOwnExchange } from "../../own-exchange.ts";
import type { ZoneConfig } from "../../zones.ts";
import { type AssetList, buildAssetList } from "../asset-list.ts";
import { nameClient } from "../client-name.ts";
import type { GiveTicket } from "../repackage-ticket.ts";
import { type HeldAnswer, holdAnswer, isFor, openHeld, type Shown } from "./ahead-answer.ts";
import type { AskedAhead } from "./asked-ahead.ts";
import { type Dress, dressAnswer } from "./dress-answer.ts";
import type { ReadyCopies } from "./ready-copies.ts";
import type { RelayRequest } from "./relay-answer.ts";
import { addCookies, aheadKey, readHint, readRelayRequest, type RelayCall } from "./relay-call.ts";
import type { Relay } from "./relay.ts";
import type { NormaliseMode, ZoneRelay } from "./relay-zone.ts";
import { tellAll } from "./teller.ts";
import { formatTree } from "./xml-tree.ts";

/** A zone that has one. */
export type RelayedZone = ZoneConfig & { readonly relay: ZoneRelay };

export function isRelayed(zone: ZoneConfig): zone is RelayedZone {
  return zone.relay !== undefined;
}

export interface RelayTagsDeps {
  readonly relay: Pick<Relay, "answerAdRequest">;
  readonly ahead: AskedAhead<HeldAnswer>;
  readonly publicHosts: readonly string[];
  /** Both undefined: repackaging is off. */
  readonly giveTicket: GiveTicket | undefined;
  readonly copies: ReadyCopies | undefined;
  readonly note: NoteEvent;
  /** ms of a clock that never goes back */
  readonly clock: () => number;
}

/** How the answer is wanted. */
export type RelayForm = "vast" | "vmap" | "asset-list";

export interface RelayTags {
  /** The body of the answer; type and cookies are set in `reply`. */
  answer(zone: RelayedZone, form: RelayForm, request: FastifyRequest, reply: FastifyReply): Promise<string>;
}

export function createRelayTags(deps: RelayTagsDeps): RelayTags {
  return {
    answer: async (zone, form, request, reply) => {
      const call = readCall(zone, form, request, deps);
      const asked = readRelayRequest(call);
      const answer = await askOrTake(asked, zone, deps);
      if (!readOwnExchange(request.headers)?.relayed) noteAnswer(answer, asked, deps);
      askAhead(call, answer, zone, deps);
      reply.header("cache-control", "no-store").header("vary", "Origin, Accept");
      if (answer.setCookies.length > 0) reply.header("set-cookie", answer.setCookies);
      if (form === "asset-list") {
        reply.type("application/json; charset=utf-8");
        return JSON.stringify(await listAssets(answer, asked, zone, deps));
      }
      reply.type("application/xml; charset=utf-8");
      return formatTree(await dressAnswer(answer.root, dressFor(zone.relay.normalise, asked, zone, deps)));
    },
  };
}

function readCall(zone: RelayedZone, form: RelayForm, request: FastifyRequest, deps: RelayTagsDeps): RelayCall {
  const at = request.url.indexOf("?");
  return {
    form: form === "vmap" ? "vmap" : "vast",
    zone: zone.zone,
    query: at < 0 ? "" : request.url.slice(at + 1),
    headers: request.headers,
    ip: request.ip,
    baseUrl: readBaseUrl(request, deps.publicHosts),
  };
}

async function askOrTake(asked: RelayRequest, zone: RelayedZone, deps: RelayTagsDeps): Promise<Shown> {
  const startedAt = deps.clock();
  const held = await deps.ahead.take(aheadKey(asked));
  const known = held && isFor(held, asked.cookies) ? openHeld(held) : undefined;
  // The player has waited for it: both together take no longer than the zone says.
  return known ?? deps.relay.answerAdRequest(asked, zone.relay, zone.mediaTypes, deps.clock() - startedAt);
}

function askAhead(call: RelayCall, { setCookies }: Shown, zone: RelayedZone, deps: RelayTagsDeps): void {
  const next = readHint(call);
  if (!next) return;
  const asked = { ...readRelayRequest(next), cookies: addCookies(call.headers.cookie, setCookies) };
  deps.ahead.ask({ key: aheadKey(asked), owner: nameClient(asked.viewer.ip).network }, async () => {
    const answer = await deps.relay.answerAdRequest(asked, zone.relay, zone.mediaTypes);
    if (answer.breaks.some(({ ads }) => ads.length > 0)) return holdAnswer(answer, asked.cookies);
    // Nobody has ads now, somebody may have some by then: no player gets to see this answer.
    tellAll(answer.untold, answer.tell);
    return undefined;
  });
}

function dressFor(mode: NormaliseMode, asked: RelayRequest, zone: RelayedZone, deps: RelayTagsDeps): Dress {
  return {
    mode,
    mediaTypes: zone.mediaTypes,
    findCopy: async (source) => {
      const found = await deps.copies?.find(source, zone, asked.baseUrl);
      return found === undefined ? undefined : new URL(found, asked.baseUrl).href;
    },
    giveTicket: (creativeUrl, { adSystem, adId, creativeId }) => {
      if (isMadeUp(creativeUrl, asked.baseUrl, deps.publicHosts)) return undefined;
      return deps.giveTicket?.({ zone: zone.zone, creativeUrl }, { adSystem, adId, creativeId });
    },
  };
}

/**
 * An ad that is not HLS, or not yet, is not played this time, and what an empty answer says no player gets: ad servers are told, as a
 * player would have told them.
 */
async function listAssets(
  answer: Shown,
  asked: RelayRequest,
  zone: RelayedZone,
  deps: RelayTagsDeps,
): Promise<AssetList> {
  const dress = dressFor("first", asked, zone, { ...deps, giveTicket: undefined });
  const { ads } = parseVast(await dressAnswer(answer.root, dress));
  const found = ads.flatMap((entry) => (entry.kind === "inline" ? [entry.ad] : []));
  const { list, left } = buildAssetList(found, zone.mediaTypes);
  for (const { ad, reason } of left) answer.tell(ad.errors, VAST_ERROR_OF_SKIP[reason], reason);
  const told = new Set(left.flatMap(({ ad }) => ad.errors));
  for (const { errorUrls, vastError } of answer.untold)
    answer.tell(
      errorUrls.filter((url) => !told.has(url)),
      vastError,
    );
  return list;
}

function noteAnswer({ breaks, upstream, session }: Shown, { zone }: RelayRequest, { note }: RelayTagsDeps): void {
  for (const { breakId, ads } of breaks) {
    const place = { zone, session, breakId, upstream };
    note({ event: "adRequest", ...place, adsOffered: ads.length });
    for (const { adSystem: _system, ...ad } of ads) note({ event: "adOffered", ...place, ...ad });
  }
}
