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
  const connect = (): Promise<Connection> => (connection ??= openConnection(settings));
  const keyOf = (path: string): string => [...(prefix === "" ? [] : [prefix]), ...splitObjectPath(path)].join("/");
  const fail = (path: string, expected: string, error: unknown): never => {
    throw new Error(`CDN ${name}: ${path}: expected ${expected}, got ${describeS3Failure(error)}`, { cause: error });
  };
  const remove = async (path: string): Promise<void> => {
    const Key = keyOf(path);
    const { s3, client } = await connect();
    const command = new s3.DeleteObjectCommand({ Bucket, Key });
    await client.send(command).catch((error: unknown) => fail(path, "the object to be removed", error));
  };
  return {
    name,
    put: async (path, body, { contentType: ContentType, cacheControl: CacheControl, signal }) => {
      const Key = keyOf(path);
      const { s3, client } = await connect();
      await sendBody(body, signal, async (Body, ContentLength, abortSignal) => {
        const input = { Bucket, Key, Body, ContentLength, ContentType, CacheControl };
        const command = new s3.PutObjectCommand(input);
        await client
          .send(command, { abortSignal })
          .catch((error: unknown) => fail(path, "the object to be stored", error));
      });
    },
    remove,
    removeFolder: async (path) => {
      const Prefix = `${keyOf(path)}/`;
      const { s3, client } = await connect();
      try {
        for await (const { Contents = [] } of s3.paginateListObjectsV2({ client }, { Bucket, Prefix })) {
          await removeAll(
            { s3, client },
            Bucket,
            Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key])),
          );
        }
      } catch (error) {
        fail(`${path}/`, "all objects below it to be removed", error);
      }
    },
  };
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
async function removeAll({ s3, client }: Connection, Bucket: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
  const command = withContentMd5(new s3.DeleteObjectsCommand({ Bucket, Delete }));
  try {
    const { Errors = [] } = await client.send(command);
    const [first] = Errors;
    if (first) throw new Error(`${Errors.length} errors, the first for ${first.Key}: ${first.Code} ${first.Message}`);
  } catch (error) {
    if (!(error instanceof s3.S3ServiceException) || !UNSUPPORTED.includes(error.$metadata.httpStatusCode ?? 0)) {
      throw error;
    }
    for (const Key of keys) await client.send(new s3.DeleteObjectCommand({ Bucket, Key }));
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
