import { afterEach, describe, expect, test } from "vitest";
import { type Consent, createConsent } from "../../src/ads/consent.ts";
import { createMacroFiller, type MacroFiller } from "../../src/ads/macro-values.ts";
import { type FakePlatform, placeInPage, placeInParent } from "../fake-consent.ts";

const TCF = { gdprApplies: true, tcString: "CPx.yz", eventStatus: "tcloaded", listenerId: 7, addtlConsent: "1~2.3" };
const GPP = {
  eventName: "listenerRegistered",
  listenerId: 3,
  pingData: { signalStatus: "ready", gppString: "DBABMA~CPx", applicableSections: [2, 7] },
};
const USP = { version: 1, uspString: "1YNN" };
const URL_OF_ALL =
  "https://t.example/?r=[REGULATIONS]&c=[GDPRCONSENT]&g=[GPPSTRING]&s=[GPPSECTIONID]&o=${GDPR}&p=${GDPR_CONSENT_755}&u=${US_PRIVACY}&h=${GPP_STRING_1}&i=${GPP_SID}&a=${ADDTL_CONSENT}";
const UNKNOWN = "https://t.example/?r=-1&c=-1&g=-1&s=-1&o=&p=&u=&h=&i=&a=";
const KNOWN = "https://t.example/?r=gdpr&c=CPx.yz&g=DBABMA~CPx&s=2,7&o=1&p=CPx.yz&u=1YNN&h=DBABMA~CPx&i=2%2C7&a=1~2.3";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function place(make: () => FakePlatform): FakePlatform {
  const platform = make();
  cleanUps.push(platform.remove);
  return platform;
}

function start(timeoutMs = 60_000): Consent {
  const consent = createConsent(timeoutMs);
  cleanUps.push(consent.release);
  return consent;
}

function fill(consentTimeoutMs = 60_000): MacroFiller {
  const filler = createMacroFiller({
    session: "viewer-1",
    macros: {},
    consentTimeoutMs,
    player: () => undefined,
    media: () => null,
    contentUrl: () => undefined,
    start: () => undefined,
  });
  cleanUps.push(filler.release);
  return filler;
}

describe("a URL that asks for consent", () => {
  test("gets what the platforms of the page say, in VAST's macros and in their own", async () => {
    place(() => placeInPage("__tcfapi", TCF));
    place(() => placeInPage("__gpp", GPP));
    place(() => placeInPage("__uspapi", USP));
    expect(await fill().fill(URL_OF_ALL, {})).toBe(KNOWN);
  });

  test.each([
    ["as objects", false],
    ["as text", true],
  ])("gets what the platforms of a frame above answer %s", async (_name, asText) => {
    place(() => placeInParent("__tcfapi", TCF, asText));
    place(() => placeInParent("__gpp", GPP, asText));
    place(() => placeInParent("__uspapi", USP, asText));
    expect(await fill().fill(URL_OF_ALL, {})).toBe(KNOWN);
  });

  test("waits for nothing on a page without a platform", async () => {
    expect(await fill().fill(URL_OF_ALL, {})).toBe(UNKNOWN);
  });

  test("waits while the viewer is asked, and takes the answer", async () => {
    const platform = place(() => placeInPage("__tcfapi", { ...TCF, tcString: "old", eventStatus: "cmpuishown" }));
    const consent = start();
    const settled = consent.ask();
    expect(settled).toBeDefined();
    expect(consent.current()).toEqual({ gdprApplies: true });
    platform.tell({ ...TCF, eventStatus: "useractioncomplete" });
    await settled;
    expect(consent.current().tcString).toBe("CPx.yz");
  });

  test("goes with -1 when a platform says nothing in time, and the next one with what it says later", async () => {
    const platform = place(() => placeInPage("__tcfapi"));
    // long enough for what asks it to be loaded
    const filler = fill(1000);
    expect(await filler.fill("https://t.example/?c=[GDPRCONSENT]", {})).toBe("https://t.example/?c=-1");
    platform.tell(TCF);
    expect(filler.fill("https://t.example/?c=[GDPRCONSENT]", {})).toBe("https://t.example/?c=CPx.yz");
  });

  test("follows a change of mind", async () => {
    const platform = place(() => placeInPage("__tcfapi", TCF));
    const consent = start();
    await consent.ask();
    platform.tell({ ...TCF, tcString: "CPother", eventStatus: "useractioncomplete" });
    expect(consent.current().tcString).toBe("CPother");
    expect(consent.ask()).toBeUndefined();
  });

  test("finds a platform that came late", async () => {
    const consent = start();
    expect(consent.ask()).toBeUndefined();
    place(() => placeInPage("__uspapi", USP));
    await consent.ask();
    expect(consent.current().usPrivacy).toBe("1YNN");
  });

  test("is told that no regulation applies where the platform says so", async () => {
    place(() => placeInPage("__tcfapi", { gdprApplies: false, eventStatus: "cmpuishown" }));
    expect(await fill().fill("https://t.example/?r=[REGULATIONS]&c=[GDPRCONSENT]&o=${GDPR}", {})).toBe(
      "https://t.example/?r=&c=-1&o=0",
    );
  });
});

describe("a URL that does not ask", () => {
  test("touches no platform and waits for nothing", () => {
    const platform = place(() => placeInPage("__tcfapi"));
    expect(fill().fill("https://t.example/?e=[ERRORCODE]&x=${OTHER}", {})).toBe("https://t.example/?e=-1&x=${OTHER}");
    expect(platform.commands).toEqual([]);
  });
});

describe("a broken or hostile platform", () => {
  const HOSTILE: readonly (readonly [string, unknown])[] = [
    ["null", null],
    ["text", "tcString"],
    ["a string that is too long", { ...TCF, tcString: "x".repeat(100_000) }],
    ["members of other kinds", { ...TCF, tcString: { toString: () => "evil" }, gdprApplies: "yes" }],
    [
      "members that throw",
      {
        get eventStatus(): string {
          throw new Error("no");
        },
      },
    ],
  ];
  test.each(HOSTILE)("that answers %s gives -1 and no exception", async (_name, answer) => {
    place(() => placeInPage("__tcfapi", answer));
    expect(await fill(1).fill("https://t.example/?c=[GDPRCONSENT]", {})).toBe("https://t.example/?c=-1");
  });

  test("that throws gives -1 and no exception", async () => {
    Reflect.set(globalThis, "__gpp", () => {
      throw new Error("no");
    });
    cleanUps.push(() => void Reflect.deleteProperty(globalThis, "__gpp"));
    expect(await fill(1).fill("https://t.example/?g=[GPPSTRING]", {})).toBe("https://t.example/?g=-1");
  });

  test("that cannot even be looked at is as good as none", async () => {
    const get = (): never => {
      throw new Error("no");
    };
    Object.defineProperty(globalThis, "__tcfapi", { get, configurable: true });
    cleanUps.push(() => void Reflect.deleteProperty(globalThis, "__tcfapi"));
    place(() => placeInPage("__uspapi", USP));
    expect(await fill().fill("https://t.example/?c=[GDPRCONSENT]&u=${US_PRIVACY}", {})).toBe(
      "https://t.example/?c=-1&u=1YNN",
    );
  });

  test("that answers with half a surrogate pair does not cost the URL", async () => {
    place(() => placeInPage("__tcfapi", { ...TCF, tcString: "CP\uD800x" }));
    expect(await fill().fill("https://t.example/?c=[GDPRCONSENT]&p=${GDPR_CONSENT_755}", {})).toBe(
      "https://t.example/?c=CP%EF%BF%BDx&p=CP%EF%BF%BDx",
    );
  });

  test("cannot break out of its place in the URL", async () => {
    place(() => placeInPage("__tcfapi", { ...TCF, tcString: "a&b=c#[IFA]" }));
    expect(await fill().fill("https://t.example/?c=[GDPRCONSENT]", {})).toBe(
      "https://t.example/?c=a%26b%3Dc%23%5BIFA%5D",
    );
  });

  test("is not believed when another window answers in its name", async () => {
    place(() => placeInParent("__tcfapi"));
    const consent = start();
    let callId: unknown;
    const spy = ({ data }: MessageEvent): void => {
      callId ??= Reflect.get(Reflect.get(data, "__tcfapiCall") ?? {}, "callId");
    };
    window.parent.addEventListener("message", spy);
    cleanUps.push(() => window.parent.removeEventListener("message", spy));
    void consent.ask();
    await expect.poll(() => callId).toBeDefined();
    const heard = new Promise((resolve) => window.addEventListener("message", resolve, { once: true }));
    window.postMessage({ __tcfapiReturn: { returnValue: TCF, success: true, callId } }, "*");
    await heard;
    expect(consent.current()).toEqual({});
  });
});

test("released, nothing listens any more and the platforms are told so", async () => {
  const tcf = place(() => placeInPage("__tcfapi", TCF));
  const gpp = place(() => placeInParent("__gpp", GPP));
  const consent = start();
  await consent.ask();
  consent.release();
  expect(tcf.commands).toEqual(["addEventListener", "removeEventListener"]);
  await expect.poll(() => gpp.commands).toEqual(["addEventListener", "removeEventListener"]);
  tcf.tell({ ...TCF, tcString: "CPother" });
  expect(consent.current().tcString).toBe("CPx.yz");
  expect(consent.ask()).toBeUndefined();
});

test("a listener that a platform names only after the release is given back", async () => {
  const tcf = place(() => placeInPage("__tcfapi"));
  const gpp = place(() => placeInParent("__gpp"));
  const consent = start();
  void consent.ask();
  await expect.poll(() => gpp.commands).toEqual(["addEventListener"]);
  consent.release();
  expect(tcf.commands).toEqual(["addEventListener"]);
  tcf.tell(TCF);
  gpp.tell(GPP);
  expect(tcf.commands).toEqual(["addEventListener", "removeEventListener"]);
  await expect.poll(() => gpp.commands).toEqual(["addEventListener", "removeEventListener"]);
  tcf.tell(TCF);
  expect(tcf.commands).toHaveLength(2);
  expect(consent.current()).toEqual({});
});
