/**
 * The schema, as a list that only ever grows: a migration that has been released is never edited, and each one leaves the
 * tables readable by the release before it, so that instances can be replaced one by one.
 */
import type { Migration } from "./migration.ts";
import { creatives } from "./migrations/0001-creatives.ts";
import { servedCreativesAndBeacons } from "./migrations/0002-served-creatives-and-beacons.ts";
import { layersAndBlocks } from "./migrations/0003-layers-and-blocks.ts";
import { askedCreatives } from "./migrations/0004-asked-creatives.ts";
import { caretaker } from "./migrations/0005-caretaker.ts";
import { creativeLeases } from "./migrations/0006-creative-leases.ts";
import { sessions } from "./migrations/0007-sessions.ts";
import { tracking } from "./migrations/0008-tracking.ts";
import { outbox } from "./migrations/0009-outbox.ts";
import { relay } from "./migrations/0010-relay.ts";
import { deliveries } from "./migrations/0011-deliveries.ts";
import { previews } from "./migrations/0012-previews.ts";

export const MIGRATIONS: readonly Migration[] = [
  creatives,
  servedCreativesAndBeacons,
  layersAndBlocks,
  askedCreatives,
  caretaker,
  creativeLeases,
  sessions,
  tracking,
  outbox,
  relay,
  deliveries,
  previews,
];
