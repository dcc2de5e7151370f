/**
 * The signed address under which a page may read one creative's status without a token: it names the creative and when it ends,
 * and nobody without the secret can make one.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Packaging } from "@interlude/core";
import { HttpError } from "../http-error.ts";

/** What a ticket lets its holder read: one package of one creative. */
export interface TicketSubject {
  readonly zone: string;
  readonly key: string;
  readonly packaging: Packaging;
  readonly targetDuration: number;
  /** Whether the request was answered so: CRS keeps no row of what a page may not have made. */
  readonly isBlocked?: boolean;
}

const FORM =
  /^(?<payload>(?<zone>[\w-]{1,64})\.(?<key>[0-9a-f]{32})\.(?<packaging>hls|cmaf)\.(?<duration>\d)(?<blocked>\.blocked)?\.(?<end>\d{1,12}))\.(?<seal>[\w-]{43})$/;

/** No field can hold a dot, so that no two subjects share a text. */
export function signTicket(subject: TicketSubject, end: Date, secret: string): string {
  const { zone, key, packaging, targetDuration, isBlocked = false } = subject;
  const named = `${zone}.${key}.${packaging}.${targetDuration}${isBlocked ? ".blocked" : ""}`;
  const payload = `${named}.${Math.floor(end.getTime() / 1000)}`;
  return `${payload}.${seal(payload, secret).toString("base64url")}`;
}

/** @throws HttpError `ticket-invalid` for what was not signed here, `ticket-expired` after its end */
export function readTicket(ticket: string, secret: string, now: Date): TicketSubject {
  const { payload, zone, key, packaging, duration, blocked, end, seal: sent } = FORM.exec(ticket)?.groups ?? {};
  const isOurs =
    payload !== undefined &&
    sent !== undefined &&
    timingSafeEqual(Buffer.from(sent, "base64url"), seal(payload, secret));
  if (!isOurs || zone === undefined || key === undefined) {
    throw new HttpError("ticket-invalid", "ticket: expected one that this server signed, got another");
  }
  if (Number(end) * 1000 <= now.getTime()) {
    throw new HttpError("ticket-expired", "ticket: expected one that is not over, got one that is; ask again");
  }
  const isBlocked = blocked !== undefined;
  return { zone, key, packaging: packaging === "cmaf" ? "cmaf" : "hls", targetDuration: Number(duration), isBlocked };
}

function seal(payload: string, secret: string): Buffer {
  return createHmac("sha256", secret).update(`interlude ticket 1\n${payload}`).digest();
}
