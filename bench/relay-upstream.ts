/**
 * The ad server of the relay bench, in a process of its own: at `/vast` a pod of four ads, each with five media files and what ad
 * servers write around them, about 20 kB. Tells its parent where it listens.
 */
import { createServer } from "node:http";

const EVENTS = "creativeView start firstQuartile midpoint thirdQuartile complete mute unmute pause resume".split(" ");
const HEIGHTS = [1080, 720, 540, 360];

function formatAd(origin: string, n: number): string {
  const pixel = (name: string): string =>
    `<![CDATA[${origin}/pixel?ad=${n}&event=${name}&cb=[CACHEBUSTING]&s=${"x".repeat(60)}]]>`;
  const trackers = EVENTS.map((event) => `<Tracking event="${event}">${pixel(event)}</Tracking>`).join("\n");
  const films = HEIGHTS.map(
    (height) =>
      `<MediaFile delivery="progressive" type="video/mp4" width="${(height * 16) / 9}" height="${height}" bitrate="${height * 4}"><![CDATA[${origin}/film-${n}-${height}.mp4?sig=${"y".repeat(60)}]]></MediaFile>`,
  ).join("\n");
  return `<Ad id="ad-${n}" sequence="${n}"><InLine>
<AdSystem version="4.1">Bench</AdSystem><AdTitle>Ad ${n}</AdTitle>
<Impression id="i-${n}">${pixel("impression")}</Impression>
<Error>${pixel("error")}</Error>
<Extensions><Extension type="geo"><Country>DE</Country></Extension><Extension type="deal"><Deal id="d-${n}"/></Extension></Extensions>
<Creatives><Creative id="cr-${n}" sequence="1"><Linear><Duration>00:00:15</Duration>
<TrackingEvents>
${trackers}
</TrackingEvents>
<VideoClicks><ClickThrough><![CDATA[https://advertiser.example/${n}]]></ClickThrough><ClickTracking>${pixel("click")}</ClickTracking></VideoClicks>
<MediaFiles>
<MediaFile delivery="streaming" type="application/x-mpegURL" width="1920" height="1080"><![CDATA[${origin}/film-${n}.m3u8]]></MediaFile>
${films}
</MediaFiles></Linear><UniversalAdId idRegistry="bench.example">film-${n}</UniversalAdId></Creative></Creatives>
</InLine></Ad>`;
}

const server = createServer((_request, response) => {
  response.writeHead(200, { "content-type": "application/xml; charset=utf-8", "content-length": body.length });
  response.end(body);
});
let body: Buffer = Buffer.alloc(0);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a TCP address");
  const origin = `http://127.0.0.1:${address.port}`;
  const ads = [1, 2, 3, 4].map((n) => formatAd(origin, n));
  body = Buffer.from(
    `<?xml version="1.0"?>\n<VAST version="4.1" xmlns="http://www.iab.com/VAST">\n${ads.join("\n")}\n</VAST>`,
  );
  process.send?.(origin);
});
process.on("disconnect", () => process.exit());
