/** Parts of route schemas that several routes share. */
import { type TObject, type TString, Type } from "@fastify/type-provider-typebox";

/** Text from a query or a body: no control characters, which neither the database nor a CSV reader should meet. */
export function plainText(maxLength: number, description?: string): TString {
  return Type.String({ maxLength, pattern: "^\\P{Cc}*$", ...(description === undefined ? {} : { description }) });
}

/** A zone's name. */
export const ZoneName: TString = Type.String({ pattern: "^[\\w-]{1,64}$", description: "zone (customer account)" });

/** `{ "error": { "code", "message" } }` */
export const ErrorBody: TObject<{ error: TObject<{ code: TString; message: TString }> }> = Type.Object(
  { error: Type.Object({ code: Type.String(), message: Type.String() }) },
  { description: "code: for programs; message: what was expected and what came" },
);
