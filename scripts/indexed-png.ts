/** A picture of a page as a PNG of 256 colours: a third of the bytes, and nobody sees the difference. */
import { crc32, deflateSync } from 'node:zlib';

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity of each pixel, row by row. */
  readonly rgba: Uint8Array;
}

const most = 256;

export function indexedPng({ width, height, rgba }: Pixels): Buffer {
  const colours = palette(rgba);
  const nearest = new Map<number, number>();
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const colour = colourAt(rgba, y * width + x);
      let index = nearest.get(colour);
      if (index === undefined) nearest.set(colour, (index = nearestOf(colours, colour)));
      rows[y * (width + 1) + 1 + x] = index;
    }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // eight bits, a palette
  const table = Buffer.from(colours.flatMap(channels));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', table),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const colourAt = (rgba: Uint8Array, pixel: number): number =>
  ((rgba[4 * pixel] ?? 0) << 16) | ((rgba[4 * pixel + 1] ?? 0) << 8) | (rgba[4 * pixel + 2] ?? 0);

const channels = (colour: number): [number, number, number] => [
  colour >> 16,
  (colour >> 8) & 255,
  colour & 255,
];

/** The colours that most pixels have, of those that differ to the eye. */
function palette(rgba: Uint8Array): readonly number[] {
  const counts = new Map<number, number>();
  for (let pixel = 0; pixel < rgba.length / 4; pixel++) {
    const colour = colourAt(rgba, pixel);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const byCount = [...counts].sort(([, a], [, b]) => b - a).map(([colour]) => colour);
  const chosen: number[] = [];
  for (const colour of byCount) {
    if (chosen.length === most) break;
    if (chosen.every((other) => distance(other, colour) > apart)) chosen.push(colour);
  }
  return chosen;
}

/** Squared, over three channels. */
const apart = 150;

function distance(a: number, b: number): number {
  const [x, y] = [channels(a), channels(b)];
  return x.reduce((sum, value, k) => sum + (value - (y[k] ?? 0)) ** 2, 0);
}

function nearestOf(colours: readonly number[], colour: number): number {
  const distances = colours.map((other) => distance(other, colour));
  return distances.indexOf(Math.min(...distances));
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
