/**
 * An S3-compatible store as the origin of a CDN. The operator names its address, private ones included: its requests do not go
 * through the guarded fetch.
 *
 * One PutObject is whole or not there: an upload that ends early leaves the old object. No multipart: an object may have 5 GB.
 */
import { createHash } from "node:crypto";
import type { DeleteObjectsCommand, S3Client } from "@aws-sdk/client-s3";
import type * as S3 from "@aws-sdk/client-s3";
import { describeFailure, type ObjectStore, sendBody, splitObjectPath } from "../object-store.ts";
import type { RemoteTimeouts } from "./remote-timeouts.ts";

/** When checksums are sent or checked: stores that do not know AWS's trailing checksums want `WHEN_REQUIRED`. */
export type ChecksumUse = "WHEN_REQUIRED" | "WHEN_SUPPORTED";

export interface S3Settings extends RemoteTimeouts {
  readonly type: "s3";
  /** The name that `ptcdn` gives. */
  readonly name: string;
  /** undefined: AWS's own, by region. */
  readonly endpoint: URL | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Above every path, without slashes at its ends; empty: none. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `{endpoint}/{bucket}/{key}` instead of `{bucket}.{endpoint}/{key}`. */
  readonly forcePathStyle: boolean;
  readonly requestChecksumCalculation: ChecksumUse;
  readonly responseChecksumValidation: ChecksumUse;
}

/** The SDK takes 80 ms and 32 MB to load: only those pay it who publish to such a store. */
interface Connection {
  readonly s3: typeof S3;
  readonly client: S3Client;
}

/** What a store answers that has no DeleteObjects, or wants a checksum for it that we do not send. */
const UNSUPPORTED: readonly number[] = [400, 405, 501];

/** Connects when it is first used; needs no end. */
export function s3Target(settings: S3Settings): ObjectStore {
  const { name, bucket: Bucket, prefix } = settings;
  let connection: Promise<Connection> | undefined;
  const keyOf = (path: string): string => [...(prefix === "" ? [] : [prefix]), ...splitObjectPath(path)].join("/");
  const connected = async (
    what: string,
    signal: AbortSignal | undefined,
    work: (connection: Connection) => Promise<unknown>,
  ): Promise<void> => {
    connection ??= openConnection(settings);
    try {
      await work(await connection);
    } catch (error) {
      signal?.throwIfAborted();
      throw new Error(`CDN ${name}: ${what}, got ${describeS3Failure(error)}`, { cause: error });
    }
  };
  return {
    name,
    put: (path, body, { contentType: ContentType, cacheControl: CacheControl, signal: given }) =>
      sendBody(body, given, async (Body, ContentLength, signal) => {
        const input = { Bucket, Key: keyOf(path), Body, ContentLength, ContentType, CacheControl };
        await connected(`${path}: expected the object to be stored`, signal, ({ s3, client }) =>
          client.send(new s3.PutObjectCommand(input), { abortSignal: signal }),
        );
      }),
    remove: async (path, signal) => {
      const input = { Bucket, Key: keyOf(path) };
      await connected(`${path}: expected the object to be removed`, signal, ({ s3, client }) =>
        client.send(new s3.DeleteObjectCommand(input), toOptions(signal)),
      );
    },
    removeFolder: async (path, signal) => {
      const input = { Bucket, Prefix: `${keyOf(path)}/` };
      await connected(`${path}/: expected all objects below it to be removed`, signal, async ({ s3, client }) => {
        for await (const { Contents = [] } of s3.paginateListObjectsV2({ client }, input, toOptions(signal))) {
          const keys = Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
          await removeAll({ s3, client }, Bucket, keys, signal);
        }
      });
    },
  };
}

function toOptions(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {};
}

const ignore = (): void => undefined;

async function openConnection(settings: S3Settings): Promise<Connection> {
  const s3 = await import("@aws-sdk/client-s3");
  const { endpoint, region, forcePathStyle, requestChecksumCalculation, responseChecksumValidation } = settings;
  const client = new s3.S3Client({
    ...(endpoint && { endpoint: endpoint.href }),
    region,
    forcePathStyle,
    requestChecksumCalculation,
    responseChecksumValidation,
    credentials: { accessKeyId: settings.accessKeyId, secretAccessKey: settings.secretAccessKey },
    // It would print to the console that a stream cannot be sent again.
    logger: { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
    // Whoever publishes tries again himself; a body that is a stream can be sent only once.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: settings.connectTimeoutMs, socketTimeout: settings.idleTimeoutMs },
  });
  return { s3, client };
}

/** Keys of one page, of which there are at most 1,000: as many as DeleteObjects takes. */
async function removeAll(
  { s3, client }: Connection,
  Bucket: string,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (keys.length === 0) return;
  const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
  const command = withContentMd5(new s3.DeleteObjectsCommand({ Bucket, Delete }));
  try {
    const { Errors = [] } = await client.send(command, toOptions(signal));
    const [first] = Errors;
    if (first) throw new Error(`${Errors.length} errors, the first for ${first.Key}: ${first.Code} ${first.Message}`);
  } catch (error) {
    if (!(error instanceof s3.S3ServiceException) || !UNSUPPORTED.includes(error.$metadata.httpStatusCode ?? 0)) {
      throw error;
    }
    for (const Key of keys) await client.send(new s3.DeleteObjectCommand({ Bucket, Key }), toOptions(signal));
  }
}

/** The checksum that DeleteObjects had from its beginning, and the only one for it that many stores know. */
function withContentMd5(command: DeleteObjectsCommand): DeleteObjectsCommand {
  command.middlewareStack.add(
    (next) => (input) => {
      const { request } = input;
      if (isTextRequest(request)) {
        const kept = Object.entries(request.headers).filter(([name]) => !/^x-amz-(?:sdk-)?checksum-/i.test(name));
        const digest = createHash("md5").update(request.body).digest("base64");
        request.headers = { ...Object.fromEntries(kept), "content-md5": digest };
      }
      return next(input);
    },
    // After the SDK's own checksum, before the signature.
    { step: "build", priority: "low", name: "contentMd5" },
  );
  return command;
}

function isTextRequest(request: unknown): request is { headers: Record<string, string>; body: string } {
  if (typeof request !== "object" || request === null) return false;
  return "body" in request && typeof request.body === "string" && "headers" in request;
}

/** `403 SignatureDoesNotMatch The request signature …` */
function describeS3Failure(error: unknown): string {
  const status: unknown =
    error instanceof Error && "$metadata" in error && typeof error.$metadata === "object" && error.$metadata
      ? Reflect.get(error.$metadata, "httpStatusCode")
      : undefined;
  return `${typeof status === "number" ? `${status} ` : ""}${describeFailure(error)}`;
}
