import { expect, test } from "vitest";
import { filledIn } from "../../src/ads/filled-in.ts";

test.each(["[SESSION]", "{SESSION}", "{{session}}", "${SESSION}", "$SESSION", "%SESSION%", "%%SESSION%%", "s-[CB]"])(
  "%s is a macro that nobody filled in, and no name",
  (text) => expect(filledIn(text)).toBe(""),
);

test.each(["", "s-1", "mid 50%", "5$", "~a", "a@b.example", "(x)", "a%20b"])("%s is what it says", (text) =>
  expect(filledIn(text)).toBe(text),
);
