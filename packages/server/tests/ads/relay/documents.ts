/**
 * Answers in the shapes that large ad servers give: their extensions, name spaces, habits of escaping and versions. All made up; `o` is
 * the origin of the fixture.
 */

/** VAST 3 of a publisher's ad server: schema location, activeview extensions, a VPAID unit beside films, companions. */
export function publisherVast3(o: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<VAST xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="vast.xsd" version="3.0">
 <Ad id="697200496">
  <InLine>
   <AdSystem>PubServe</AdSystem>
   <AdTitle>External - Single Inline &amp; Linear</AdTitle>
   <Description><![CDATA[Spring sale, one film]]></Description>
   <Error><![CDATA[${o}/pixel/conversion/?label=videoplayfailed[ERRORCODE]&ai=B4x]]></Error>
   <Impression><![CDATA[${o}/pixel/view?xai=AKAOj&sig=Cg0&adurl=]]></Impression>
   <Impression></Impression>
   <Creatives>
    <Creative id="57860459056" sequence="1">
     <Linear skipoffset="00:00:05">
      <Duration>00:00:10</Duration>
      <TrackingEvents>
       <Tracking event="start"><![CDATA[${o}/pixel/e?label=part2viewed&ai=B4x]]></Tracking>
       <Tracking event="progress" offset="00:00:05"><![CDATA[${o}/pixel/e?label=video_skip_shown]]></Tracking>
       <Tracking event="complete"><![CDATA[${o}/pixel/e?label=videoplaytime100]]></Tracking>
      </TrackingEvents>
      <VideoClicks>
       <ClickThrough id="PUB"><![CDATA[https://advertiser.example/?gclid=1&x=2]]></ClickThrough>
       <ClickTracking id="PUB"><![CDATA[${o}/pixel/click?x=1]]></ClickTracking>
      </VideoClicks>
      <MediaFiles>
       <MediaFile id="PUB" delivery="progressive" width="1280" height="720" type="video/mp4" bitrate="533" scalable="true" maintainAspectRatio="true"><![CDATA[${o}/media/spring_720.mp4?expire=1&sparams=ip,id]]></MediaFile>
       <MediaFile delivery="progressive" width="640" height="360" type="video/webm" minBitrate="200" maxBitrate="400"><![CDATA[//media.example/spring.webm]]></MediaFile>
       <MediaFile delivery="progressive" apiFramework="VPAID" type="application/javascript" width="640" height="480"><![CDATA[${o}/vpaid.js]]></MediaFile>
      </MediaFiles>
     </Linear>
    </Creative>
    <Creative id="57857370976" sequence="1">
     <CompanionAds>
      <Companion id="c1" width="300" height="250">
       <StaticResource creativeType="image/png"><![CDATA[${o}/img/300x250.png]]></StaticResource>
       <TrackingEvents><Tracking event="creativeView"><![CDATA[${o}/pixel/companion]]></Tracking></TrackingEvents>
       <CompanionClickThrough><![CDATA[https://advertiser.example/companion]]></CompanionClickThrough>
      </Companion>
     </CompanionAds>
    </Creative>
   </Creatives>
   <Extensions>
    <Extension type="waterfall" fallback_index="0"/>
    <Extension type="geo"><Country>US</Country><Bandwidth>4</Bandwidth></Extension>
    <Extension type="activeview"><CustomTracking><Tracking event="viewable_impression"><![CDATA[${o}/pixel/viewable?x=[VIEWABILITY]]]></Tracking></CustomTracking></Extension>
   </Extensions>
  </InLine>
 </Ad>
</VAST>`;
}

/** VAST 2 of a broadcaster's: no CDATA, a declared prefix in extensions, odd white space, a latin-1 title. */
export function broadcasterVast2(o: string): string {
  return `<?xml version='1.0' encoding='ISO-8859-1'?>
<VAST version="2.0" xmlns:fw="http://castwheel.example/ns">
  <Ad id='bc.1'>
    <InLine>
      <AdSystem version='5'> CastWheel </AdSystem>
      <AdTitle>Caf\u00e9 &#233;t\u00e9</AdTitle>
      <Impression id="fw">
          ${o}/pixel/l?cr=1&amp;et=i&amp;r=[CACHEBUSTING]
      </Impression>
      <Creatives>
        <Creative AdID="bc-creative" sequence="1">
          <Linear>
            <Duration>00:00:15</Duration>
            <TrackingEvents>
              <Tracking event="firstQuartile">${o}/pixel/l?et=q1&amp;cr=1</Tracking>
            </TrackingEvents>
            <AdParameters fw:enc="none"><![CDATA[a=1&b=<2>]]></AdParameters>
            <VideoClicks><CustomClick id="more">${o}/pixel/more</CustomClick></VideoClicks>
            <MediaFiles>
              <MediaFile delivery="progressive" bitrate="1200" width="960" height="540" type="video/mp4">${o}/media/cafe.mp4?a=1&amp;b=2</MediaFile>
            </MediaFiles>
          </Linear>
        </Creative>
      </Creatives>
      <Extensions>
        <Extension type="CastWheel"><fw:CreativeParameters><fw:Parameter name="moat">x]]&gt;y</fw:Parameter></fw:CreativeParameters></Extension>
      </Extensions>
    </InLine>
  </Ad>
</VAST>`;
}

/** VAST 4.2 of an exchange, default name space, with what only version 4 has. */
export function exchangeVast42(o: string, id = "x-42"): string {
  return `<VAST version="4.2" xmlns="http://www.iab.com/VAST"><Ad id="${id}" adType="video"><InLine>
<AdSystem version="1.2">Exchange42</AdSystem>
<Error><![CDATA[${o}/pixel/x/error?code=[ERRORCODE]&reason=[REASON]]]></Error>
<Extensions><Extension type="x42:deal" xmlns:x42="urn:x42"><x42:Deal floor="1.5"/></Extension></Extensions>
<Impression id="x42"><![CDATA[${o}/pixel/x/imp?id=${id}]]></Impression>
<Pricing model="CPM" currency="USD"><![CDATA[12.50]]></Pricing>
<ViewableImpression id="v"><Viewable><![CDATA[${o}/pixel/x/viewable]]></Viewable></ViewableImpression>
<AdServingId>a532d16d-4d7f-4440-bd29-2ec0e693fc80</AdServingId>
<AdTitle>Forty-two</AdTitle>
<AdVerifications><Verification vendor="verify.example-omid"><JavaScriptResource apiFramework="omid" browserOptional="true"><![CDATA[https://verify.example/omid.js]]></JavaScriptResource><VerificationParameters><![CDATA[{"k":1}]]></VerificationParameters></Verification></AdVerifications>
<Advertiser>Advertiser 42</Advertiser>
<Category authority="iabtechlab.com">232</Category>
<Creatives><Creative id="cr-${id}" adId="AD-${id}" sequence="1">
<Linear><Icons><Icon program="AdChoices" width="20" height="20" xPosition="right" yPosition="top"><StaticResource creativeType="image/png"><![CDATA[${o}/img/choices.png]]></StaticResource></Icon></Icons>
<TrackingEvents><Tracking event="start"><![CDATA[${o}/pixel/x/start?id=${id}]]></Tracking></TrackingEvents>
<Duration>00:00:06.500</Duration>
<MediaFiles><Mezzanine delivery="progressive" type="video/mp4" width="1920" height="1080"><![CDATA[${o}/media/mezz.mov]]></Mezzanine>
<MediaFile id="5241" delivery="streaming" type="application/x-mpegURL" minBitrate="900" maxBitrate="3500" width="1280" height="720" codec="avc1.4d401f"><![CDATA[${o}/media/${id}/master.m3u8]]></MediaFile>
<MediaFile id="5242" delivery="progressive" type="video/mp4" bitrate="2000" width="1280" height="720"><![CDATA[${o}/media/${id}.mp4]]></MediaFile>
<ClosedCaptionFiles><ClosedCaptionFile type="text/vtt" language="en"><![CDATA[${o}/media/${id}.vtt]]></ClosedCaptionFile></ClosedCaptionFiles></MediaFiles>
<VideoClicks><ClickThrough id="b"><![CDATA[https://advertiser.example/42]]></ClickThrough></VideoClicks></Linear>
<UniversalAdId idRegistry="Ad-ID">CNPA0484000H</UniversalAdId></Creative></Creatives>
<Expires>300</Expires>
<FutureElement since="5.0"><![CDATA[kept]]></FutureElement>
</InLine></Ad></VAST>`;
}

/** A wrapper as exchanges nest them; `n` names it, `version` is its document's. */
export function wrapper(o: string, n: number, target: string, version = "3.0", attributes = ""): string {
  const trackers = ["start", "midpoint", "complete", "mute"]
    .map((event) => `<Tracking event="${event}"><![CDATA[${o}/pixel/w${n}/${event}]]></Tracking>`)
    .join("");
  return `<VAST version="${version}" xmlns:w="urn:wrapper:${n}"><Ad id="w${n}"><Wrapper${attributes}>
<AdSystem>Hop${n}</AdSystem>
<VASTAdTagURI><![CDATA[${target}]]></VASTAdTagURI>
<Error><![CDATA[${o}/pixel/w${n}/error?c=[ERRORCODE]]]></Error>
<Impression><![CDATA[${o}/pixel/w${n}/imp]]></Impression>
<Creatives>
<Creative AdID="w${n}-c"><Linear><TrackingEvents>${trackers}</TrackingEvents>
<VideoClicks><ClickTracking><![CDATA[${o}/pixel/w${n}/click]]></ClickTracking><CustomClick><![CDATA[${o}/pixel/w${n}/custom]]></CustomClick></VideoClicks>
<Icons><Icon program="P${n % 2}" width="10" height="10"><IFrameResource><![CDATA[${o}/icon/${n}]]></IFrameResource></Icon></Icons></Linear></Creative>
<Creative><CompanionAds><Companion width="${300 + (n % 2)}" height="250"><StaticResource creativeType="image/gif"><![CDATA[${o}/img/w${n}.gif]]></StaticResource></Companion>
<Companion width="300" height="250"><TrackingEvents><Tracking event="creativeView"><![CDATA[${o}/pixel/w${n}/companion]]></Tracking></TrackingEvents></Companion></CompanionAds></Creative>
</Creatives>
<AdVerifications><Verification vendor="v${n}"/></AdVerifications>
<ViewableImpression><Viewable><![CDATA[${o}/pixel/w${n}/viewable]]></Viewable></ViewableImpression>
<Extensions><Extension type="hop" w:n="${n}"><w:Data>${n} &lt; 9</w:Data></Extension></Extensions>
<w:Unknown n="${n}"/>
</Wrapper></Ad></VAST>`;
}

/** VMAP of a publisher's ad server: pods by tag, a break inside, a display break, extensions of its own. */
export function publisherVmap(o: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" xmlns:pub="urn:pub" version="1.0">
 <vmap:AdBreak timeOffset="start" breakType="linear" breakId="preroll">
  <vmap:AdSource id="preroll-ad-1" allowMultipleAds="false" followRedirects="true">
   <vmap:AdTagURI templateType="vast3"><![CDATA[${o}/ads/vast3?ppos=1&correlator=[CACHEBUSTING]&pod=1]]></vmap:AdTagURI>
  </vmap:AdSource>
 </vmap:AdBreak>
 <vmap:AdBreak timeOffset="00:00:15.000" breakType="linear" breakId="midroll-1">
  <vmap:AdSource id="midroll-1-ad-1" allowMultipleAds="true" followRedirects="true">
   <vmap:VASTAdData>${publisherVast3(o)
     .replace(/<\?xml[^>]*>\s*/, "")
     .replace(
       ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="vast.xsd"',
       ' pub:pod="1"',
     )}</vmap:VASTAdData>
  </vmap:AdSource>
  <vmap:TrackingEvents><vmap:Tracking event="breakStart"><![CDATA[${o}/pixel/break/start]]></vmap:Tracking></vmap:TrackingEvents>
  <vmap:Extensions><vmap:Extension type="bumper" suppress_bumper="true"/></vmap:Extensions>
 </vmap:AdBreak>
 <vmap:AdBreak timeOffset="00:00:20" breakType="display" breakId="overlay"><vmap:AdSource><vmap:AdTagURI templateType="vast3">${o}/never</vmap:AdTagURI></vmap:AdSource></vmap:AdBreak>
 <vmap:AdBreak timeOffset="end" breakType="linear" breakId="postroll">
  <vmap:AdSource id="postroll-ad-1" allowMultipleAds="false" followRedirects="true">
   <vmap:AdTagURI templateType="vast3"><![CDATA[${o}/html-error]]></vmap:AdTagURI>
  </vmap:AdSource>
 </vmap:AdBreak>
</vmap:VMAP>`;
}

/** One ad whose creative is `body`. */
export function filmlessVast(o: string, body: string): string {
  return `<VAST version="3.0"><Ad id="film-less"><InLine><AdSystem>Film-less</AdSystem><AdTitle>t</AdTitle><Error>${o}/pixel/film-less?c=[ERRORCODE]</Error><Impression>${o}/pixel/i</Impression><Creatives><Creative>${body}</Creative></Creatives></InLine></Ad></VAST>`;
}

/** No fill as most write it. */
export function emptyVast(o: string): string {
  return `<VAST version="3.0"><Error><![CDATA[${o}/pixel/nofill?c=[ERRORCODE]]]></Error><!-- no eligible line item --></VAST>`;
}

/** The ads of several documents as one pod. */
export function podOf(version: string, ...documents: readonly string[]): string {
  const ads = documents.map((text, index) => {
    const [ad = ""] = /<Ad [^]*<\/Ad>/.exec(text) ?? [];
    return ad.replace("<Ad ", `<Ad sequence="${index + 1}" `);
  });
  return `<VAST version="${version}" xmlns:fw="http://castwheel.example/ns">${ads.join("\n")}</VAST>`;
}

/** A pod of one film and a wrapper, with two ads that stand by. */
export function withStandIns(o: string, wrapped: string): string {
  const [ad = ""] = /<Ad [^]*<\/Ad>/.exec(exchangeVast42(o, "stand-in")) ?? [];
  const pod = podOf("4.2", publisherVast3(o), wrapped);
  return pod.replace("</VAST>", `${ad}${ad.replaceAll("stand-in", "second")}</VAST>`);
}

/** What a load balancer answers for an ad server that is away. */
export const HTML_ERROR =
  "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1><hr>lb/1.2</center></body></html>";
