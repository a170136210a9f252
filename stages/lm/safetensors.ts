/** safetensors: a JSON header and raw little-endian values. Reads F32, F16 and BF16, writes F32. */
import { open, type FileHandle } from 'node:fs/promises';
import type { Tensor } from '@tensorflow/tfjs';
import { StageFailure } from '../../runner/contract.js';
import { byCodeUnit } from '../../schemas/json.js';
import { sizeOf } from '../backend/memory.js';
import { tf } from '../backend/tf.js';
import type { NamedTensors } from './types.js';

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Bytes an element, and of a shorter one the bits of the single-precision number that its bits are. */
const readers: Readonly<
  Record<string, { readonly bytes: 2 | 4; readonly widen?: (bits: number) => number }>
> = {
  F32: { bytes: 4 },
  F16: { bytes: 2, widen: widenHalf },
  BF16: { bytes: 2, widen: (bits) => bits << 16 },
};

/**
 * The caller disposes the tensors, all float32. A broken file is a StageFailure that says where.
 *
 * @param skip whether a tensor is none of ours, whatever its type
 */
export async function readSafetensors(
  path: string,
  skip: (name: string) => boolean = () => false,
): Promise<NamedTensors> {
  const file = await open(path);
  try {
    const { entries, start } = await readHeader(file, path, skip);
    const tensors: Record<string, Tensor> = {};
    for (const [name, entry] of entries)
      tensors[name] = tf.tensor(await readValues(file, entry, start), [...entry.shape], 'float32');
    return tensors;
  } finally {
    await file.close();
  }
}

/**
 * Deterministic bytes: tensors by name in code unit order, header padded with spaces to 8 bytes. Tensors are taken from
 * the engine one after the other, as all together may be more than an array can hold.
 */
export async function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const named = Object.entries(tensors).sort(([a], [b]) => byCodeUnit(a, b));
  const file = await open(path, 'w');
  try {
    await file.writeFile(headerOf(named, metadata));
    for (const [, tensor] of named) {
      const values = tensor.dataSync<'float32'>();
      await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  } finally {
    await file.close();
  }
}

function headerOf(
  named: readonly (readonly [string, Tensor])[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  for (const [name, { shape, size }] of named) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + 4 * size] };
    offset += 4 * size;
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(bytes, 8);
  return bytes;
}

/** As the format's own reader refuses more. */
const mostHeaderBytes = 100_000_000;

/** The tensors that a file lists and nobody skips, checked against its size, and where their values start. */
async function readHeader(
  file: FileHandle,
  path: string,
  skip: (name: string) => boolean,
): Promise<{ readonly entries: readonly (readonly [string, Entry])[]; readonly start: number }> {
  const { size } = await file.stat();
  if (size < 8) throw broken(path, `${size} bytes are too few for a header`);
  const length = Number(new DataView(await readBytes(file, 0, 8)).getBigUint64(0, true));
  if (length > size - 8)
    throw broken(path, `its header claims ${length} bytes, the file has ${size}; was it cut short?`);
  if (length > mostHeaderBytes)
    throw broken(
      path,
      `its header claims ${length} bytes, and may have ${mostHeaderBytes}; is it a safetensors file?`,
    );
  const start = 8 + length;
  const header = parseHeader(await readBytes(file, 8, length), path);
  const entries = (Object.entries(header) as [string, Entry][]).filter(
    ([name]) => name !== '__metadata__' && !skip(name),
  );
  for (const [name, entry] of entries) {
    const problem = problemOf(entry, size - start);
    if (problem) throw broken(path, `tensor ${name} ${problem}`);
  }
  return { entries, start };
}

function parseHeader(bytes: ArrayBuffer, path: string): object {
  try {
    const header: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof header !== 'object' || header === null || Array.isArray(header))
      throw new Error('expected an object');
    return header;
  } catch (error) {
    throw broken(path, `its header is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function problemOf({ dtype, shape, data_offsets: [start, end] }: Entry, length: number): string | undefined {
  const reader = readers[dtype];
  if (!reader) return `has type ${dtype}; expected F32, F16 or BF16`;
  if (end - start === sizeOf(shape) * reader.bytes && end <= length && start >= 0) return undefined;
  return `of shape [${shape.join(', ')}] does not match its bytes ${start}-${end} of ${length}`;
}

async function readValues(
  file: FileHandle,
  { dtype, data_offsets: [from, to] }: Entry,
  start: number,
): Promise<Float32Array> {
  const bytes = await readBytes(file, start + from, to - from);
  const { widen } = readers[dtype] ?? {};
  if (!widen) return new Float32Array(bytes);
  const halves = new Uint16Array(bytes);
  const bits = new Int32Array(halves.length);
  halves.forEach((half, i) => (bits[i] = widen(half)));
  return new Float32Array(bits.buffer);
}

/** As many calls as it takes: one reads less than 2 GiB. */
async function readBytes(file: FileHandle, from: number, length: number): Promise<ArrayBuffer> {
  const bytes = new ArrayBuffer(length);
  for (let at = 0; at < length;) {
    const part = new Uint8Array(bytes, at, Math.min(length - at, 2 ** 30));
    const { bytesRead } = await file.read(part, 0, part.length, from + at);
    if (bytesRead === 0)
      throw new StageFailure('infrastructure', 'safetensors', `a file of weights was cut while it was read`);
    at += bytesRead;
  }
  return bytes;
}

const broken = (path: string, message: string): StageFailure =>
  new StageFailure('user', 'safetensors', `${path} is not a safetensors file that can be read: ${message}`);

/** IEEE 754 half precision, bits to bits: every half is a single. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half is a normal single: the leading one is shifted out.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
