/**
 * Where two files of one format differ, field by field: JSON, JSONL and safetensors. Of a tensor only the number that
 * is furthest off is told.
 */

export interface Field {
  /** `points[3].kl`, `wte.weight[17]`; empty where it is the whole file. */
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Undefined where the files are of no format that is known here, or one of them is torn: only bytes can be compared. */
export function differingFields(name: string, before: Buffer, after: Buffer): readonly Field[] | undefined {
  const read = formats.find(({ ending }) => name.endsWith(ending))?.read;
  try {
    return read && [...read(before, after)];
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

type Read = (before: Buffer, after: Buffer) => Iterable<Field>;

const formats: readonly { readonly ending: string; readonly read: Read }[] = [
  { ending: '.json', read: (a, b) => values('', JSON.parse(a.toString()), JSON.parse(b.toString())) },
  { ending: '.jsonl', read: lines },
  { ending: '.safetensors', read: tensors },
];

function* lines(before: Buffer, after: Buffer): Generator<Field> {
  const [a, b] = [before, after].map((text) => text.toString().trimEnd().split('\n')) as [string[], string[]];
  if (a.length !== b.length) yield { field: 'lines', before: a.length, after: `${b.length} lines` };
  for (let i = 0; i < Math.min(a.length, b.length); i += 1)
    if (a[i] !== b[i]) yield* values(`line ${i + 1}`, JSON.parse(a[i] ?? ''), JSON.parse(b[i] ?? ''));
}

/** Leaves that differ; a member that one of two objects lacks is undefined there. */
function* values(field: string, before: unknown, after: unknown): Generator<Field> {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const index = Array.isArray(before);
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const path = index ? `${field}[${name}]` : field === '' ? name : `${field}.${name}`;
      yield* values(path, before[name], after[name]);
    }
  } else if (!Object.is(before, after)) yield { field, before, after };
}

const isBranch = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly at: (index: number) => number;
  readonly count: number;
}

const widths: Readonly<Record<string, { readonly bytes: number; readonly at: Reader }>> = {
  F64: { bytes: 8, at: (view, at) => view.getFloat64(at, true) },
  F32: { bytes: 4, at: (view, at) => view.getFloat32(at, true) },
  I64: { bytes: 8, at: (view, at) => Number(view.getBigInt64(at, true)) },
  I32: { bytes: 4, at: (view, at) => view.getInt32(at, true) },
  U8: { bytes: 1, at: (view, at) => view.getUint8(at) },
};
type Reader = (view: DataView, at: number) => number;

function readTensors(bytes: Buffer): ReadonlyMap<string, Tensor> {
  const head = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, head).toString()) as Readonly<
    Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  >;
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const width = widths[dtype];
    if (!width) throw new RangeError(`tensors of ${dtype} can't be compared number by number`);
    const [start, end] = offsets;
    const view = new DataView(bytes.buffer, bytes.byteOffset + head + start, end - start);
    const at = (index: number): number => width.at(view, index * width.bytes);
    tensors.set(name, { dtype, shape, at, count: (end - start) / width.bytes });
  }
  return tensors;
}

const shapeOf = (tensor: Tensor | undefined): string =>
  tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : 'none';

function* tensors(before: Buffer, after: Buffer): Generator<Field> {
  const [a, b] = [readTensors(before), readTensors(after)];
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const [one, other] = [a.get(name), b.get(name)];
    if (!one || !other || shapeOf(one) !== shapeOf(other))
      yield { field: name, before: shapeOf(one), after: shapeOf(other) };
    else yield* furthest(name, one, other);
  }
}

function* furthest(name: string, a: Tensor, b: Tensor): Generator<Field> {
  let worst = -1;
  let most = 0;
  for (let i = 0; i < a.count; i += 1) {
    if (Object.is(a.at(i), b.at(i))) continue;
    const off = Math.abs(a.at(i) - b.at(i));
    // A number against none is as far off as can be.
    const far = Number.isNaN(off) ? Infinity : off;
    if (worst >= 0 && far <= most) continue;
    worst = i;
    most = far;
  }
  if (worst >= 0) yield { field: `${name}[${worst}]`, before: a.at(worst), after: b.at(worst) };
}
