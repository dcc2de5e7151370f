/** Boxes of MP4, written as a test wants them. */
import { listBoxes } from "../../src/remux/mp4-boxes.ts";

export type Part = Uint8Array | readonly number[];

export function join(...parts: readonly Part[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export const u16 = (value: number): Part => [(value >> 8) & 255, value & 255];
/** Signed numbers too. */
export const u32 = (value: number): Part => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
export const u64 = (value: number): Part => [...u32(Math.floor(value / 2 ** 32)), ...u32(value % 2 ** 32)];
export const i64 = (value: number): Part => {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigInt64(0, BigInt(value));
  return new Uint8Array(bytes.buffer);
};
export const zeros = (count: number): Part => Array.from({ length: count }, () => 0);

export function box(type: string, ...parts: readonly Part[]): Uint8Array {
  const body = join(...parts);
  return join(
    u32(8 + body.length),
    [...type].map((letter) => letter.charCodeAt(0)),
    body,
  );
}

/** A box with a version and flags. */
export function fullBox(
  type: string,
  [version, flags]: readonly [number, number],
  ...parts: readonly Part[]
): Uint8Array {
  return box(type, u32(version * 2 ** 24 + flags), ...parts);
}

export function table(rows: readonly Part[]): Uint8Array {
  return join(u32(rows.length), ...rows);
}

/**
 * @param path from a box within `bytes` on, such as `moov/trak/edts`: each such box is changed
 * @param change the body of one → boxes in its stead
 */
export function replaceBoxes(bytes: Uint8Array, path: string, change: (body: Uint8Array) => Uint8Array): Uint8Array {
  const [first = "", ...rest] = path.split("/");
  const parts = listBoxes(bytes, "test").map(({ type, body, whole }) => {
    if (type !== first) return whole;
    return rest.length === 0 ? change(body) : box(type, replaceBoxes(body, rest.join("/"), change));
  });
  return join(...parts);
}
