/** safetensors: a JSON header and raw little-endian values. Reads F32, F16 and BF16, writes F32. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Tensor } from '@tensorflow/tfjs';
import { StageFailure } from '../../runner/contract.js';
import { byCodeUnit } from '../../schemas/json.js';
import { tf } from '../backend/tf.js';
import type { NamedTensors } from './types.js';

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Bytes an element, and the bits of the single-precision number that its bits are. */
const readers: Readonly<Record<string, { readonly bytes: 2 | 4; readonly widen: (bits: number) => number }>> =
  {
    F32: { bytes: 4, widen: (bits) => bits },
    F16: { bytes: 2, widen: widenHalf },
    BF16: { bytes: 2, widen: (bits) => bits << 16 },
  };

/** All tensors of a file as float32; the caller disposes. A broken file is a StageFailure that says where. */
export async function readSafetensors(path: string): Promise<NamedTensors> {
  return parseSafetensors(await readFile(path), path);
}

/** Deterministic bytes: tensors by name in code unit order, header padded with spaces to 8 bytes. */
export async function writeSafetensors(
  path: string,
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFile(path, safetensorsBytes(tensors, metadata));
}

export function safetensorsBytes(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const named = Object.entries(tensors).sort(([a], [b]) => byCodeUnit(a, b));
  let offset = 0;
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  for (const [name, { shape, size }] of named) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + 4 * size] };
    offset += 4 * size;
  }
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded + offset, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(bytes, 8);
  let at = 8 + padded;
  for (const [, tensor] of named) {
    const values = tensor.dataSync<'float32'>();
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).copy(bytes, at);
    at += values.byteLength;
  }
  return bytes;
}

export function parseSafetensors(bytes: Uint8Array, path: string): NamedTensors {
  const { header, body } = splitHeader(bytes, path);
  const tensors: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const entry = value as Entry;
    tensors[name] = tf.tensor(readValues(body, name, entry, path), [...entry.shape], 'float32');
  }
  return tensors;
}

function splitHeader(bytes: Uint8Array, path: string): { header: Record<string, unknown>; body: Uint8Array } {
  if (bytes.length < 8) throw broken(path, `${bytes.length} bytes are too few for a header`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (length > bytes.length - 8)
    throw broken(path, `its header claims ${length} bytes, the file has ${bytes.length}; was it cut short?`);
  try {
    const header: unknown = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString('utf8'));
    if (typeof header !== 'object' || header === null || Array.isArray(header))
      throw new Error('expected an object');
    return { header: header as Record<string, unknown>, body: bytes.subarray(8 + length) };
  } catch (error) {
    throw broken(path, `its header is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readValues(
  body: Uint8Array,
  name: string,
  { dtype, shape, data_offsets: [start, end] }: Entry,
  path: string,
): Float32Array {
  const reader = readers[dtype];
  if (!reader) throw broken(path, `tensor ${name} has type ${dtype}; expected F32, F16 or BF16`);
  const size = shape.reduce((product, n) => product * n, 1);
  if (end - start !== size * reader.bytes || end > body.length || start < 0) {
    throw broken(
      path,
      `tensor ${name} of shape [${shape.join(', ')}] does not match its bytes ${start}-${end} of ${body.length}`,
    );
  }
  const view = new DataView(body.buffer, body.byteOffset + start, end - start);
  const bits = new Int32Array(size);
  const { bytes, widen } = reader;
  if (bytes === 4) for (let i = 0; i < size; i++) bits[i] = widen(view.getInt32(4 * i, true));
  else for (let i = 0; i < size; i++) bits[i] = widen(view.getUint16(2 * i, true));
  return new Float32Array(bits.buffer);
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
