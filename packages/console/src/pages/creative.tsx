/** One creative: where it stands, what was made of it, and what may be done about it. */
import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import type { Api } from "../api/client.ts";
import { type Creative, type CreativePackage, creativePath, isWorking, type Rendition } from "../api/creatives.ts";
import type { ConfigInForce } from "../api/server.ts";
import { useEvents } from "../events-load.ts";
import { formatBitrate, formatFileName, formatSeconds, formatTime } from "../format.ts";
import { type Load, useLoad } from "../load.ts";
import type { PageProps } from "../page-props.ts";
import { Select } from "../parts/choices.tsx";
import { CreativeActions } from "../parts/creative-actions.tsx";
import { Facts } from "../parts/facts.tsx";
import { Picture, usePicture } from "../parts/picture.tsx";
import { Player } from "../parts/player.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { formatRoute } from "../route.ts";

export function CreativePage({ api, route, config }: PageProps): JSX.Element {
  const [zone = "", key = ""] = route.path;
  const [load, again] = useCreative(api, zone, key);
  return (
    <>
      <p>
        <a href={formatRoute(["creatives"])}>← All creatives</a>
      </p>
      <Loaded load={load} again={again}>
        {(creative) => <CreativeDetails api={api} creative={creative} config={config} />}
      </Loaded>
    </>
  );
}

function CreativeDetails({
  api,
  creative,
  config,
}: {
  readonly api: Api;
  readonly creative: Creative;
  readonly config: ConfigInForce;
}): JSX.Element {
  const { creativeUrl, message, packages, renditions, refused } = creative;
  return (
    <>
      <section class="card subject">
        <h2>{formatFileName(creativeUrl)}</h2>
        <StateBadge creative={creative} />
        {message !== undefined && <p class="complaint-text">{message}</p>}
        <Facts facts={listFacts(creative)} />
        <CreativeActions api={api} creative={creative} />
      </section>
      {packages.length > 0 ? (
        <Watch creative={creative} config={config} api={api} />
      ) : (
        renditions.length > 0 && <Picture api={api} creative={creative} />
      )}
      <section class="card">
        <h2>Ladder</h2>
        {renditions.length === 0 ? (
          <Empty>{isWorking(creative) ? "It is being made." : "Nothing is encoded."}</Empty>
        ) : (
          <Table caption="Ladder" isCaptionHidden columns={LADDER} rows={renditions} />
        )}
      </section>
      <section class="card">
        <h2>On the CDNs</h2>
        {packages.length === 0 ? (
          <Empty>Nothing is published.</Empty>
        ) : (
          <Table caption="On the CDNs" isCaptionHidden columns={PACKAGES} rows={packages} />
        )}
        {refused.map(({ packaging, targetDuration, reason }) => (
          <p class="note" key={`${packaging} ${targetDuration}`}>
            {packaging}, {targetDuration} s is not made: {reason}
          </p>
        ))}
      </section>
    </>
  );
}

function listFacts(creative: Creative): readonly { readonly name: string; readonly value: string }[] {
  const { zone, key, creativeUrl, adSystem, adId, creativeId, duration, attempts, retryAt } = creative;
  const given = { "Ad system": adSystem, Ad: adId, Creative: creativeId };
  return [
    { name: "Address", value: creativeUrl },
    { name: "Zone", value: zone },
    { name: "Key", value: key },
    ...Object.entries(given).flatMap(([name, value]) => (value ? [{ name, value }] : [])),
    ...(duration === undefined ? [] : [{ name: "Length", value: formatSeconds(duration) }]),
    { name: "Attempts", value: String(attempts) },
    ...(retryAt === undefined ? [] : [{ name: "Not tried before", value: formatTime(retryAt) }]),
    { name: "First asked for", value: formatTime(creative.createdAt) },
    { name: "Last changed", value: formatTime(creative.updatedAt) },
  ];
}

const LADDER: readonly Column<Rendition>[] = [
  { title: "Rendition", cell: ({ name }) => name },
  { title: "Picture", isNumber: true, cell: ({ width, height }) => `${width} × ${height}` },
  { title: "Bit rate", isNumber: true, cell: ({ bandwidthBps }) => formatBitrate(bandwidthBps) },
  { title: "Frames", isNumber: true, cell: ({ frameRate }) => `${frameRate} /s` },
  { title: "Codec", cell: ({ codec }) => <code>{codec}</code> },
];

const PACKAGES: readonly Column<CreativePackage>[] = [
  { title: "Packaging", cell: ({ packaging }) => packaging.toUpperCase() },
  { title: "Segments", isNumber: true, cell: ({ targetDuration }) => `${targetDuration} s` },
  { title: "CDNs", cell: ({ cdns }) => cdns.join(", ") },
  { title: "Ladder", cell: ({ isWhole }) => (isWhole ? "whole" : "first layer so far") },
  { title: "Path", cell: ({ path }) => <code>{path}</code> },
];

function Watch({
  api,
  creative,
  config,
}: {
  readonly api: Api;
  readonly creative: Creative;
  readonly config: ConfigInForce;
}): JSX.Element {
  const { zone, packages, creativeUrl } = creative;
  const poster = usePicture(api, creative, true);
  const bases = config.zones.find((one) => one.zone === zone)?.cdns ?? {};
  const sources = packages.flatMap(({ packaging, targetDuration, path, cdns }) =>
    cdns.flatMap((cdn) => {
      const base = bases[cdn];
      const label = `CDN ${cdn}, ${packaging.toUpperCase()}, ${targetDuration} s`;
      return base === undefined ? [] : [{ label, value: new URL(path, new URL(base, api.address("v1/zones/"))).href }];
    }),
  );
  const [chosen, setChosen] = useState("");
  const source = sources.find(({ value }) => value === chosen) ?? sources[0];
  if (!source) return <Empty>No CDN of the zone has it.</Empty>;
  return (
    <section class="card watch">
      <h2>Player</h2>
      <Select legend="From" choices={sources} value={source.value} onChoose={setChosen} />
      <Player key={source.value} url={source.value} name={formatFileName(creativeUrl)} poster={poster} />
    </section>
  );
}

/** Asked for once, and brought up to date by what the server tells. */
function useCreative(api: Api, zone: string, key: string): readonly [Load<Creative>, () => void] {
  const [load, again] = useLoad(
    useCallback((signal: AbortSignal) => api.get<Creative>(creativePath({ zone, key }), signal), [api, zone, key]),
  );
  const [shown, setShown] = useState(load);
  useEffect(() => setShown(load), [load]);
  const onChange = useCallback(
    (changed: Creative) => {
      if (changed.zone === zone && changed.key === key) setShown({ state: "ready", value: changed });
    },
    [zone, key],
  );
  useEvents(api, onChange, again);
  return [shown, again];
}
