/**
 * A record on its way between machines: its canonical text, and an Ed25519 signature (RFC 8032) over every byte of
 * it. Only records of a trusted signer come in: whoever can write to a cache could otherwise choose results.
 */
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { canonicalJson } from '../../../schemas/json.js';
import type { ResultRecord } from '../../../schemas/protocol.js';
import { err, ok, type Result } from '../../../schemas/result.js';
import type { Key } from '../../pipeline.js';
import { isRecord } from '../records.js';
import { recordLimit, type RemoteProblem } from './types.js';

/** Tag of what is signed: a signature for anything else is none. */
const tag = 'moft-record-1\0';
/** SubjectPublicKeyInfo of an Ed25519 key, up to its 32 bytes (RFC 8410). */
const spki = Buffer.from('302a300506032b6570032100', 'hex');

interface Envelope {
  readonly v: 1;
  /** Public key, base64 of 32 bytes. */
  readonly signer: string;
  readonly signature: string;
  /** Canonical JSON of the record. */
  readonly record: string;
}

/** The public key of a signing key as configuration writes it: base64 of its 32 bytes. */
export function publicText(signing: KeyObject): string {
  return createPublicKey(signing)
    .export({ type: 'spki', format: 'der' })
    .subarray(spki.length)
    .toString('base64');
}

/** A public key from its text, or undefined where it is none. */
export function readPublic(text: string): KeyObject | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== text) return undefined;
  return createPublicKey({ key: Buffer.concat([spki, bytes]), type: 'spki', format: 'der' });
}

export function seal(record: ResultRecord, signing: KeyObject): Buffer {
  const text = canonicalJson(record);
  const signature = sign(null, Buffer.from(tag + text), signing).toString('base64');
  const envelope: Envelope = { v: 1, signer: publicText(signing), signature, record: text };
  return Buffer.from(`${JSON.stringify(envelope)}\n`);
}

const damaged = (message: string): Result<never, RemoteProblem> => err({ code: 'damaged', message });

/**
 * The record in an envelope, if it is what it must be: of a trusted signer, with a signature that holds, of the key
 * that was asked for, and with a preimage that hashes to this key.
 */
export function unseal(
  content: Buffer,
  key: Key,
  trusted: readonly string[],
): Result<ResultRecord, RemoteProblem> {
  if (content.length > recordLimit) return damaged(`the record of ${key} is over ${recordLimit} bytes`);
  const envelope = parse(content.toString('utf8')) as Partial<Envelope> | null | undefined;
  const { v, signer, signature, record: text } = envelope ?? {};
  if (v !== 1 || typeof signer !== 'string' || typeof signature !== 'string' || typeof text !== 'string')
    return damaged(`what stands at ${key} is not a signed record`);
  const publicKey = trusted.includes(signer) ? readPublic(signer) : undefined;
  if (!publicKey)
    return err({
      code: 'not-trusted',
      message: `the record of ${key} is signed by ${signer}, which is not trusted`,
      hint: 'add the key under `trust:` in moft.yaml, if you know whose it is',
    });
  if (!verify(null, Buffer.from(tag + text), publicKey, Buffer.from(signature, 'base64')))
    return damaged(`the signature of the record of ${key} does not hold`);
  const record = parse(text);
  if (!isRecord(record, key) || canonicalJson(record) !== text || !hasItsOutputs(record))
    return damaged(`the record at ${key} is that of another key, or none at all`);
  return ok(record);
}

/** Every output that the preimage names is there, of its type. */
function hasItsOutputs({ preimage, artifacts }: ResultRecord): boolean {
  const outputs = Object.entries((preimage.outputs ?? {}) as Readonly<Record<string, unknown>>);
  return outputs.every(([name, type]) => artifacts.some((one) => one.name === name && one.type === type));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
