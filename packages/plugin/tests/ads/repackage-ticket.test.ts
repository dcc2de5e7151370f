import { expect, test } from "vitest";
import { startViewing } from "../fake-viewing.ts";
import { createFakeWeb, formatVod, HOST, ZONE } from "../fake-web.ts";

const FILM = `${HOST}/creatives/one.mp4?a=1&b=2`;

/** One ad whose answer has a ticket for `mediaFile`. */
function formatTicketed(mediaFile: string): string {
  const attribute = mediaFile.replaceAll("&", "&amp;");
  return `<VAST version="4.2"><Ad id="one"><InLine><AdSystem>s</AdSystem><Creatives><Creative id="c-one">
    <CreativeExtensions><CreativeExtension type="application/vnd.interlude.repackage+xml">
      <RepackageTicket mediaFile="${attribute}"> r1.sealed </RepackageTicket>
    </CreativeExtension></CreativeExtensions>
    <Linear><Duration>00:00:08</Duration><MediaFiles>
      <MediaFile delivery="progressive" type="video/mp4" width="640" height="360"><![CDATA[${FILM}]]></MediaFile>
    </MediaFiles></Linear>
  </Creative></Creatives></InLine></Ad></VAST>`;
}

async function askedFor(vast: string): Promise<readonly unknown[]> {
  const web = createFakeWeb({ "/ads/vast": { text: vast }, "/v1/zones/1.json": ZONE });
  await startViewing(web, { adTagUrl: "/ads/vast", repackageUrl: "/ads/repackage" }).play(formatVod(15));
  return web.bodies;
}

test("the request to repackage a creative carries the ticket that the ad server gave for its media file", async () => {
  expect(await askedFor(formatTicketed(FILM))).toMatchObject([{ creativeUrl: FILM, ticket: "r1.sealed" }]);
});

test("the ticket of another media file stays where it is", async () => {
  const [body] = await askedFor(formatTicketed(`${HOST}/creatives/two.mp4`));
  expect(body).toMatchObject({ creativeUrl: FILM });
  expect(JSON.parse(JSON.stringify(body))).not.toHaveProperty("ticket");
});
