/** Which blobs a record needs: its artifacts, the files of those that are folders, and the listing of its code. */
import type { ResultRecord } from '../../../schemas/protocol.js';
import type { Context } from '../context.js';
import { isDigest } from '../layout.js';
import { guard } from '../problem.js';
import { createListings, type Listings } from '../trees.js';

export interface Marker {
  /** Digests of all that a record needs, present or not. A listing that can't be read counts for itself only. */
  blobsOf(record: ResultRecord): readonly string[];
}

export function createMarker(context: Context): Marker {
  const listings = createListings(context);
  return {
    blobsOf: (record) => [
      ...record.artifacts.flatMap(({ type, digest }) => [
        digest,
        ...(type === 'file' ? [] : filesOf(listings, digest)),
      ]),
      ...(isDigest(record.preimage.code) ? [record.preimage.code] : []),
    ],
  };
}

function filesOf(listings: Listings, digest: string): readonly string[] {
  const listing = guard(() => listings.of(digest));
  if (!listing.ok) return [];
  return listing.value.entries.flatMap((entry) => (entry.type === 'file' ? [entry.digest] : []));
}
