/** The configuration as it is in force: where each part of it comes from, and nothing that lets anybody in. */
import { join } from "node:path";
import type { Campaigns } from "../ads/campaign/campaign.ts";
import type { ServerConfig } from "../config.ts";
import type { TargetConfig } from "../targets/target-config.ts";
import { listSettings, type Setting } from "./settings.ts";
import { showAddress } from "./without-secrets.ts";
import { describeZone, type ZoneInForce } from "./zones-in-force.ts";

export interface ConfigInForce {
  readonly settings: readonly Setting[];
  readonly zones: readonly ZoneInForce[];
  readonly targets: readonly TargetInForce[];
  /** Of `POST /repackage`. */
  readonly accounts: { readonly count: number };
  readonly campaigns: CampaignsInForce;
  /** The files that were read, and the variables that name them. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

export interface TargetInForce {
  readonly name: string;
  readonly type: TargetConfig["type"];
  readonly publicUrl?: string;
  /** Folder, bucket or address. */
  readonly where: string;
}

export interface CampaignsInForce {
  readonly lineItems: number;
  readonly schedules: number;
  /** `outdated`: the file has changed and could not be used; what was before is in force. */
  readonly state: "current" | "outdated";
  /** ISO 8601 */
  readonly loadedAt: string;
  /** Why it is outdated. */
  readonly complaint?: string;
}

export interface ConfigSource {
  readonly config: ServerConfig;
  /** As they are now: the file may have been read again. */
  readonly campaigns: () => {
    readonly current: Campaigns;
    readonly state: "current" | "outdated";
    readonly loadedAt: Date;
    readonly complaint: string | undefined;
  };
}

/** At this moment. */
export function describeConfig({ config, campaigns }: ConfigSource): ConfigInForce {
  const { current, state, loadedAt, complaint } = campaigns();
  return {
    settings: listSettings(config),
    zones: config.zones.map(describeZone),
    targets: config.targets.map((target) => describeTarget(target, config.stateDir)),
    accounts: { count: config.repackageAccounts.length },
    campaigns: {
      lineItems: current.lineItems.size,
      schedules: current.schedules.size,
      state,
      loadedAt: loadedAt.toISOString(),
      ...(complaint !== undefined && { complaint }),
    },
    files: Object.entries(config.files).map(([name, path]) => ({ name, path })),
  };
}

function describeTarget(target: TargetConfig, stateDir: string): TargetInForce {
  const { name, type, publicUrl } = target;
  const where = locateTarget(target, stateDir);
  return { name, type, ...(publicUrl !== undefined && { publicUrl }), where };
}

function locateTarget(target: TargetConfig, stateDir: string): string {
  if (target.type === "directory") return join(stateDir, "cdn", target.name);
  if (target.type === "http-put") return showAddress(target.url.href);
  const store = target.endpoint === undefined ? `AWS, ${target.region}` : showAddress(target.endpoint.href);
  return `${store}: ${[target.bucket, target.prefix].filter((part) => part !== "").join("/")}`;
}
