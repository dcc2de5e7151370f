/** The configuration as it is in force, and where each part of it comes from. Secrets are never shown. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ConfigInForce, Fact, Setting, ZoneInForce } from "../api/server.ts";
import { formatCount, formatTime } from "../format.ts";
import type { PageProps } from "../page-props.ts";
import { Facts } from "../parts/facts.tsx";
import { Empty } from "../parts/states.tsx";
import { type Column, Table } from "../parts/table.tsx";

export function ConfigurationPage({ config }: PageProps): JSX.Element {
  const { zones, targets, campaigns, accounts, files } = config;
  return (
    <>
      <Settings settings={config.settings} />
      <h2>Zones</h2>
      {zones.map((zone) => (
        <Zone key={zone.zone} zone={zone} />
      ))}
      <section class="card">
        <h2>Publishing targets</h2>
        <Table caption="Publishing targets" isCaptionHidden columns={TARGETS} rows={targets} />
      </section>
      <section class="card">
        <h2>Campaign file and accounts</h2>
        {campaigns.complaint !== undefined && <p class="complaint-text">{campaigns.complaint}</p>}
        <Facts
          facts={[
            { name: "Line items", value: formatCount(campaigns.lineItems) },
            { name: "Schedules", value: formatCount(campaigns.schedules) },
            { name: "State", value: campaigns.state },
            { name: "Read", value: formatTime(campaigns.loadedAt) },
            { name: "Accounts of POST /repackage", value: formatCount(accounts.count) },
            ...files.map(({ name, path }) => ({ name, value: path })),
          ]}
        />
      </section>
    </>
  );
}

const TARGETS: readonly Column<ConfigInForce["targets"][number]>[] = [
  { title: "Name", cell: ({ name }) => name },
  { title: "Type", cell: ({ type }) => type },
  { title: "Where", cell: ({ where }) => <code>{where}</code> },
  { title: "Public address", cell: ({ publicUrl }) => (publicUrl === undefined ? "–" : <code>{publicUrl}</code>) },
];

function Settings({ settings }: { readonly settings: readonly Setting[] }): JSX.Element {
  const [text, setText] = useState("");
  const [isGivenOnly, setGivenOnly] = useState(false);
  const sought = text.trim().toLowerCase();
  const shown = settings.filter(
    ({ name, meaning, source }) =>
      (!isGivenOnly || source === "environment") && `${name} ${meaning}`.toLowerCase().includes(sought),
  );
  return (
    <section class="card">
      <h2>Settings</h2>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        <label class="field">
          <span>Find</span>
          <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isGivenOnly}
            onChange={(event) => setGivenOnly(event.currentTarget.checked)}
          />
          Set by the environment only
        </label>
      </form>
      {shown.length === 0 ? (
        <Empty>No setting is like that.</Empty>
      ) : (
        <Table caption="Settings" isCaptionHidden columns={SETTINGS} rows={shown} />
      )}
    </section>
  );
}

const SETTINGS: readonly Column<Setting>[] = [
  {
    title: "Setting",
    cell: ({ name, meaning }) => (
      <>
        <code>{name}</code>
        <small>{meaning}</small>
      </>
    ),
  },
  { title: "In force", cell: valueOf },
  {
    title: "From",
    cell: ({ source }) => (
      <span class="badge" data-tone={source === "environment" ? "busy" : undefined}>
        {source}
      </span>
    ),
  },
];

function valueOf({ value, isSecret, source }: Setting): JSX.Element | string {
  if (value !== undefined) return <code>{value}</code>;
  if (!isSecret) return "–";
  return source === "environment" ? "set, not shown" : "not set";
}

function Zone({ zone }: { readonly zone: ZoneInForce }): JSX.Element {
  const facts: readonly Fact[] = [
    ...Object.entries(zone.cdns).map(([name, base]) => ({
      name: `CDN ${name}${name === zone.defaultCdn ? ", default" : ""}`,
      value: base,
    })),
    { name: "Target durations", value: zone.targetDurations.map((seconds) => `${seconds} s`).join(", ") },
    { name: "Order of media types", value: zone.mediaTypes.join(", ") || "–" },
    { name: "Hosts of creatives", value: zone.creativeHosts.join(", ") || "none" },
    { name: "Rules for creatives' addresses", value: formatCount(zone.normaliseRules) },
  ];
  const parts = { "Manifest server": zone.manifest, Relay: zone.relay, "Tracking receiver": zone.tracking };
  return (
    <section class="card">
      <h3>Zone {zone.zone}</h3>
      <Facts facts={facts} />
      {Object.entries(parts).map(
        ([name, own]) =>
          own && (
            <details key={name}>
              <summary>{name}</summary>
              <Facts facts={own} />
            </details>
          ),
      )}
    </section>
  );
}
