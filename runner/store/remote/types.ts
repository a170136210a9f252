/** A shared cache: a folder or a server that holds `ac/<key>` (signed records) and `cas/<digest>` (blobs). */
import type { Result } from '../../../schemas/result.js';

export interface RemoteProblem {
  /** `incomplete`: it has the record and not all of its blobs; they may be on their way there. */
  readonly code: 'timeout' | 'unreachable' | 'refused' | 'not-trusted' | 'damaged' | 'incomplete' | 'local';
  readonly message: string;
  readonly hint?: string;
}

export interface Remote {
  /** Its folder or address, without credentials. */
  readonly name: string;
  /** A signed record, at most `recordLimit` bytes; undefined where there is none. */
  record(key: string): Promise<Result<Buffer | undefined, RemoteProblem>>;
  /** The bytes of a blob as they come; undefined where there is none. An error while they come is thrown by the stream. */
  blob(
    digest: string,
    signal?: AbortSignal,
  ): Promise<Result<AsyncIterable<Uint8Array> | undefined, RemoteProblem>>;
  has(digest: string): Promise<Result<boolean, RemoteProblem>>;
  putBlob(digest: string, file: string, bytes: number): Promise<Result<void, RemoteProblem>>;
  putRecord(key: string, content: Buffer): Promise<Result<void, RemoteProblem>>;
}

export const recordLimit = 1 << 20;
/** Most bytes of the listing of a folder: 100,000 entries with long names. */
export const listingLimit = 64 << 20;
