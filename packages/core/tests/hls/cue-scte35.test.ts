import { type Avail, parseCues, parseMediaPlaylist } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { plainSegments, writePlaylist } from "./playlists.ts";
import {
  encodeBase64,
  encodeHex,
  type InsertParts,
  type SectionParts,
  segmentation,
  spliceInsert,
  timeSignal,
} from "./scte35-encoder.ts";

type Cues = Readonly<Record<number, string>>;

const SPLICE_INSERT = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=";
const OPPORTUNITY_START = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==";
const OPPORTUNITY_END = "/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=";

const DATE = "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T12:00:00Z";

/** Twenty segments of 6 s from media sequence 50, with tags before some of them. */
function avails(cues: Cues, dialect?: string): readonly Avail[] {
  const segments = plainSegments(20, 6, (index) => (cues[index] ? [cues[index]] : []));
  const header = ["#EXT-X-VERSION:3", "#EXT-X-MEDIA-SEQUENCE:50"];
  return parseCues(parseMediaPlaylist(writePlaylist({ header, segments })), dialect);
}

/** Avails as `<id>: <first segment>+<seconds>-<segment of the return> <reach>`. */
function summary(cues: Cues, dialect?: string): readonly string[] {
  return avails(cues, dialect).map(({ id, mediaSequence, duration, returnMediaSequence, reach }) => {
    const back = returnMediaSequence === undefined ? "" : `-${returnMediaSequence}`;
    return `${id}: ${mediaSequence}+${Number(duration.toFixed(3))}${back}${reach ? ` ${reach}` : ""}`;
  });
}

/** A time_signal of segments: type, event id, seconds. */
function signal(...segments: readonly (readonly [typeId: number, eventId: number, duration?: number])[]): SectionParts {
  const descriptors = segments.map(([typeId, eventId, duration]) =>
    segmentation({ eventId, typeId, ...(duration === undefined ? {} : { duration: duration * 90_000 }) }),
  );
  return { ...timeSignal(0), descriptors };
}

const insert = (parts: InsertParts): string => encodeBase64(spliceInsert(parts));
const scte35 = (section: string, rest = ""): string => `#EXT-X-SCTE35:TYPE="scte35",CUE="${section}"${rest}`;
const oatcls = (section: string): string => `#EXT-OATCLS-SCTE35:${section}`;

describe("a SCTE-35 section in any tag starts and ends an avail", () => {
  test.each([
    ["EXT-X-SCTE35", (section: string) => scte35(section)],
    ["EXT-X-CUE", (section: string) => `#EXT-X-CUE:TYPE="scte35",CUE="${section}"`],
    ["EXT-OATCLS-SCTE35", oatcls],
    ["EXT-X-SPLICEPOINT-SCTE35", (section: string) => `#EXT-X-SPLICEPOINT-SCTE35:${section}`],
  ])("%s", (_, tag) => {
    expect(summary({ 2: tag(OPPORTUNITY_START), 9: tag(OPPORTUNITY_END) })).toEqual(["1207959694: 52+307-59"]);
    expect(summary({ 2: tag(SPLICE_INSERT) })).toEqual(["1207959695: 52+60.294"]);
  });
});

describe("DPI in SCTE-35 mode", () => {
  test("takes the id of the tag, and pairs start and end by tag or event", () => {
    const out = scte35(encodeBase64(signal([0x30, 7])), ',ID="a",TIME=1,DURATION=30');
    const back = encodeBase64(signal([0x31, 7]));
    expect(summary({ 2: out, 5: scte35(back, ',ID="b",TIME=1,DURATION=0') })).toEqual(["a: 52+30-55 national"]);
    const other = encodeBase64(signal([0x31, 8]));
    expect(summary({ 2: out, 5: scte35(other, ',ID="b",TIME=1,DURATION=0') })).toEqual(["a: 52+30 national"]);
  });

  test("an unknown duration lasts until the end", () => {
    const out = scte35(encodeBase64(signal([0x34, 7])), ',ID="a",TIME=1,DURATION=0');
    expect(summary({ 2: out })).toEqual(["a: 52+0"]);
    const zero = scte35(encodeBase64(signal([0x34, 7, 0])), ',ID="a",TIME=1,DURATION=30');
    expect(summary({ 2: zero })).toEqual(["a: 52+30"]);
    expect(summary({ 2: out, 6: scte35(encodeBase64(signal([0x35, 7]))) })).toEqual(["a: 52+24-56"]);
  });

  test("a cue that is repeated with what has elapsed is one avail, also after its planned end", () => {
    const tag = (elapsed: number): string =>
      scte35(encodeBase64(signal([0x30, 7])), `,ID="a",TIME=1,DURATION=12,ELAPSED=${elapsed}`);
    expect(summary({ 2: tag(0), 3: tag(6), 4: tag(12), 5: tag(18) })).toEqual(["a: 52+12 national"]);
    expect(avails({ 0: tag(6), 1: tag(12) })).toMatchObject([{ id: "a", isPartial: true, startTime: -6 }]);
  });

  test("several descriptors in one section, in one tag each, are one avail: the one that holds the others", () => {
    const section = encodeBase64(signal([0x30, 9, 30], [0x22, 7, 120], [0x34, 8, 60]));
    const tags = ["x", "y", "z"].map((id) => scte35(section, `,ID="${id}",TIME=1,DURATION=0`)).join("\n");
    expect(avails({ 2: tags })).toMatchObject([{ duration: 120, reach: "national" }]);
  });

  test("a section that is broken, or encrypted, is no cue", () => {
    const broken = `${OPPORTUNITY_START.slice(0, -6)}AAAA==`;
    const encrypted = encodeBase64({ ...signal([0x30, 7]), isEncrypted: true });
    expect(summary({ 2: scte35(broken), 4: scte35(encrypted), 6: scte35("") })).toEqual([]);
  });
});

describe("EXT-X-SCTE35 with CUE-OUT and CUE-IN", () => {
  const cue = encodeBase64(signal([0x34, 7, 30]));

  test("goes by what they say", () => {
    const cues = {
      2: `#EXT-X-SCTE35:ID="1",TYPE=0x34,CUE="${cue}",CUE-OUT=YES`,
      3: `#EXT-X-SCTE35:ID="1",TYPE=0x34,CUE="${cue}",ELAPSED=6,CUE-OUT=CONT`,
      4: `#EXT-X-SCTE35:ID="1",TYPE=0x35,CUE="${encodeBase64(signal([0x35, 7]))}",CUE-IN=YES`,
    };
    expect(summary(cues)).toEqual(["1: 52+30-54"]);
    const partial = { 0: `#EXT-X-SCTE35:CUE="${cue}",ELAPSED=6,CUE-OUT=CONT` };
    expect(avails(partial)).toMatchObject([{ id: "7", isPartial: true, startTime: -6, duration: 30 }]);
  });

  test("CUE-OUT=NO starts nothing, and lets an end be one", () => {
    expect(summary({ 2: `#EXT-X-SCTE35:CUE="${cue}",CUE-OUT=NO` })).toEqual([]);
    const back = `#EXT-X-SCTE35:CUE="${encodeBase64(signal([0x35, 7]))}",CUE-OUT=NO`;
    expect(summary({ 2: scte35(cue), 4: back })).toEqual(["7: 52+30-54"]);
  });
});

describe("EXT-OATCLS-SCTE35 beside EXT-X-CUE-OUT", () => {
  const out = `${oatcls(OPPORTUNITY_START)}\n#EXT-X-ASSET:CAID=0x75BCD15\n#EXT-X-CUE-OUT:120.0`;
  const continued = (elapsed: number): string =>
    `#EXT-X-CUE-OUT-CONT:ElapsedTime=${elapsed},Duration=120,SCTE35=${OPPORTUNITY_START}`;
  const back = `${oatcls(OPPORTUNITY_END)}\n#EXT-X-CUE-IN`;

  test("is one avail with the length of the tag, the id of the event and the section as its signal", () => {
    const cues = { 2: out, 3: continued(6), 4: continued(12), 9: back };
    expect(summary(cues)).toEqual(["1207959694: 52+120-59"]);
    const [avail] = avails(cues);
    expect(avail?.attributes).toEqual({ CAID: "123456789" });
    expect(avail?.signal).toEqual({ tagName: "EXT-OATCLS-SCTE35", attributes: { CUE: OPPORTUNITY_START } });
  });

  test("gives the section as the signal also where it comes second", () => {
    const [avail] = avails({ 2: `#EXT-X-CUE-OUT:120\n${oatcls(OPPORTUNITY_START)}` });
    expect(avail).toMatchObject({ id: "1207959694", duration: 120, signal: { tagName: "EXT-OATCLS-SCTE35" } });
  });

  test("takes the section's duration where the tag has none", () => {
    expect(summary({ 2: `${oatcls(OPPORTUNITY_START)}\n#EXT-X-CUE-OUT` })).toEqual(["1207959694: 52+307"]);
    expect(summary({ 2: `#EXT-X-CUE-OUT:DURATION=0,CUE="${OPPORTUNITY_START}"` })).toEqual(["1207959694: 52+307"]);
  });

  test("keeps its id when the first cue has left the window", () => {
    expect(avails({ 0: continued(6), 1: continued(12), 7: back })).toMatchObject([
      { id: "1207959694", isPartial: true, startTime: -6, duration: 120, returnMediaSequence: 57 },
    ]);
    const repeated = `${oatcls(OPPORTUNITY_START)}\n${continued(6)}`;
    expect(avails({ 0: repeated })).toMatchObject([{ id: "1207959694", isPartial: true, startTime: -6 }]);
  });

  test("what starts and ends inside is part of it", () => {
    const cues = {
      2: out,
      4: oatcls(encodeBase64(signal([0x30, 1, 30]))),
      5: oatcls(encodeBase64(signal([0x31, 1], [0x30, 2, 30]))),
      6: oatcls(encodeBase64(signal([0x31, 2]))),
      9: back,
    };
    expect(summary(cues)).toEqual(["1207959694: 52+120-59"]);
  });

  test("two breaks that follow each other are two avails", () => {
    const next = `${oatcls(encodeBase64(signal([0x35, 1], [0x34, 2, 12])))}\n#EXT-X-CUE-IN\n#EXT-X-CUE-OUT:12`;
    const first = `${oatcls(encodeBase64(signal([0x34, 1, 12])))}\n#EXT-X-CUE-OUT:12`;
    expect(summary({ 2: first, 4: next, 6: "#EXT-X-CUE-IN" })).toEqual(["1: 52+12-54", "2: 54+12-56"]);
  });
});

describe("splice_insert", () => {
  test("goes out of the network and comes back; another event's return is ignored, the first one counts", () => {
    const out = oatcls(insert({ eventId: 5, duration: 30 * 90_000, ticks: 0 }));
    const back = (eventId: number): string => oatcls(insert({ eventId, isOut: false, isImmediate: true }));
    expect(summary({ 2: out })).toEqual(["5: 52+30"]);
    expect(summary({ 2: out, 3: back(6), 4: back(5), 5: back(5) })).toEqual(["5: 52+30-54"]);
    expect(summary({ 2: back(5) })).toEqual([]);
  });

  test("that is cancelled is no cue", () => {
    expect(summary({ 2: oatcls(insert({ eventId: 5, isCancelled: true })) })).toEqual([]);
  });

  test("splice_null, and a descriptor that is cancelled, are no cues", () => {
    const cancelled = segmentation({ eventId: 5, typeId: 0x30, isCancelled: true });
    const null35 = encodeBase64({ commandType: 0, command: "" });
    const cues = { 2: oatcls(null35), 3: oatcls(encodeBase64({ ...timeSignal(), descriptors: [cancelled] })) };
    expect(summary(cues)).toEqual([]);
  });
});

describe("time_signal", () => {
  test.each<[string, number, number, string]>([
    ["Break", 0x22, 0x23, " national"],
    ["Provider Advertisement", 0x30, 0x31, " national"],
    ["Distributor Advertisement", 0x32, 0x33, " local"],
    ["Provider Placement Opportunity", 0x34, 0x35, ""],
    ["Distributor Placement Opportunity", 0x36, 0x37, " local"],
  ])("%s starts and ends an avail", (_, start, end, reach) => {
    const out = oatcls(encodeBase64(signal([start, 5, 30])));
    expect(summary({ 2: out, 4: oatcls(encodeBase64(signal([end, 5]))) })).toEqual([`5: 52+30-54${reach}`]);
    expect(summary({ 2: out, 4: oatcls(encodeBase64(signal([end, 6]))) })).toEqual([`5: 52+30${reach}`]);
  });

  test("no other type starts one, or ends another", () => {
    const ads = new Set([0x22, 0x30, 0x32, 0x34, 0x36]);
    const others = Array.from({ length: 0x50 }, (_, typeId) => typeId).filter((typeId) => !ads.has(typeId));
    for (const typeId of others) expect(summary({ 2: oatcls(encodeBase64(signal([typeId, 5, 30]))) })).toEqual([]);
    const out = oatcls(encodeBase64(signal([0x34, 5, 60])));
    for (const typeId of others.filter((type) => type !== 0x35)) {
      expect(summary({ 2: out, 4: oatcls(encodeBase64(signal([typeId, 5]))) })).toEqual(["5: 52+60"]);
    }
  });

  test("the ads of a pod that follow each other without a break around them are an avail each", () => {
    const cues = {
      2: oatcls(encodeBase64(signal([0x30, 1, 12]))),
      4: oatcls(encodeBase64(signal([0x32, 2, 12], [0x31, 1]))),
      6: oatcls(encodeBase64(signal([0x33, 2]))),
    };
    expect(summary(cues)).toEqual(["1: 52+12-54 national", "2: 54+12-56 local"]);
  });

  test("what is local in part is local", () => {
    expect(summary({ 2: oatcls(encodeBase64(signal([0x22, 1, 60], [0x36, 2, 60]))) })).toEqual(["1: 52+60 local"]);
  });
});

describe("EXT-X-DATERANGE", () => {
  const range = (attributes: string, id = "r"): string =>
    `#EXT-X-DATERANGE:ID="${id}",START-DATE="2026-01-01T12:00:12Z",${attributes}`;
  const start = encodeHex(signal([0x36, 7, 30]));
  const end = encodeHex(signal([0x37, 7]));

  test("with SCTE35-OUT, or a start in SCTE35-CMD, is an avail of the section's reach", () => {
    expect(summary({ 0: `${range(`PLANNED-DURATION=24,SCTE35-OUT=${start}`)}\n${DATE}` })).toEqual(["r: 52+24 local"]);
    expect(summary({ 0: `${range(`SCTE35-CMD=${start}`)}\n${DATE}` })).toEqual(["r: 52+30 local"]);
  });

  test("of a program is none", () => {
    const program = encodeHex(signal([0x10, 7, 3600]));
    expect(summary({ 0: `${range(`SCTE35-OUT=${program}`)}\n${DATE}` })).toEqual([]);
    expect(summary({ 0: `${range(`SCTE35-CMD=${program}`)}\n${DATE}` })).toEqual([]);
    expect(summary({ 0: `${range("SCTE35-CMD=0xFC")}\n${DATE}` })).toEqual([]);
  });

  test("keeps its planned duration, and returns where SCTE35-IN says", () => {
    const out = range(`PLANNED-DURATION=30,SCTE35-OUT=${start}`);
    const back = range(`END-DATE="2026-01-01T12:00:30Z",SCTE35-IN=${end}`);
    expect(summary({ 0: `${out}\n${DATE}`, 5: back })).toEqual(["r: 52+30-55 local"]);
    expect(summary({ 0: `${out}\n${DATE}`, 6: range(`SCTE35-IN=${end}`) })).toEqual(["r: 52+30-56 local"]);
  });

  test("returns by a range of its own that names the event", () => {
    const out = range(`PLANNED-DURATION=30,SCTE35-OUT=${start}`);
    const back = (section: string): string => `#EXT-X-DATERANGE:ID="q",START-DATE="2026-01-01T12:00:24Z",${section}`;
    expect(summary({ 0: `${out}\n${back(`SCTE35-IN=${end}`)}\n${DATE}` })).toEqual(["r: 52+30-54 local"]);
    expect(summary({ 0: `${out}\n${back(`SCTE35-CMD=${end}`)}\n${DATE}` })).toEqual(["r: 52+30-54 local"]);
    const other = encodeHex(signal([0x37, 8]));
    expect(summary({ 0: `${out}\n${back(`SCTE35-IN=${other}`)}\n${DATE}` })).toEqual(["r: 52+30 local"]);
  });

  test("that began before the window is partial, and one that ended before it, or begins behind it, is none", () => {
    const early = (seconds: number): string =>
      `#EXT-X-DATERANGE:ID="r",START-DATE="2026-01-01T11:59:48Z",DURATION=${seconds},SCTE35-OUT=${start}\n${DATE}`;
    expect(avails({ 0: early(30) })).toMatchObject([{ id: "r", isPartial: true, startTime: -12, mediaSequence: 50 }]);
    expect(avails({ 0: early(12) })).toEqual([]);
    const late = `#EXT-X-DATERANGE:ID="r",START-DATE="2026-01-01T12:02:00Z",SCTE35-OUT=${start}\n${DATE}`;
    expect(avails({ 0: late })).toEqual([]);
  });

  test("adds to the avail that a tag signals at the same place, and is part of one that it lies in", () => {
    const out = range(`PLANNED-DURATION=30,SCTE35-OUT=${start}`);
    expect(summary({ 0: `${out}\n${DATE}`, 2: "#EXT-X-CUE-OUT" })).toEqual(["r: 52+30 local"]);
    expect(summary({ 0: `${out}\n${DATE}`, 1: "#EXT-X-CUE-OUT:ID=a,DURATION=36" })).toEqual(["a: 51+36"]);
    expect(summary({ 0: `${out}\n${DATE}`, 7: "#EXT-X-CUE-OUT:ID=a,DURATION=12" })).toEqual([
      "r: 52+30 local",
      "a: 57+12",
    ]);
  });
});

describe("a dialect", () => {
  const cues = {
    1: '#EXT-X-CUE:TYPE="SpliceOut",ID="simple",TIME=1,DURATION=6',
    3: `#EXT-X-CUE:TYPE="scte35",ID="dpi",TIME=1,DURATION=6,CUE="${encodeBase64(signal([0x30, 1, 6]))}"`,
    5: scte35(encodeBase64(signal([0x30, 2, 6])), ',ID="scte35"'),
    7: "#EXT-X-CUE-OUT:ID=out,DURATION=6",
    9: oatcls(encodeBase64(signal([0x30, 4, 6]))),
    11: `#EXT-X-DATERANGE:ID="range",DURATION=6,SCTE35-OUT=0x`,
    13: "#EXT-X-AD:ID=ad,DURATION=6",
  };

  test.each([
    ["dpisimple", ["simple"]],
    ["DPISimple", ["simple"]],
    ["DPIScte35", ["dpi", "scte35"]],
    ["elemental", ["out", "4"]],
    ["nbc", ["out"]],
    ["nfl", ["dpi", "scte35", "out", "4"]],
    ["turner", ["dpi", "scte35", "out", "4", "range"]],
    [undefined, ["simple", "dpi", "scte35", "out", "4", "range", "ad"]],
    ["ours", ["simple", "dpi", "scte35", "out", "4", "range", "ad"]],
    ["constructor", ["simple", "dpi", "scte35", "out", "4", "range", "ad"]],
  ])("named %s has cues of its own", (dialect, ids) => {
    expect(avails(cues, dialect).map(({ id }) => id)).toEqual(ids);
  });
});
