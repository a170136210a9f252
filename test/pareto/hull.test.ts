import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Point } from '../../stages/pareto/dominance.js';
import { hullHypervolume } from '../../stages/pareto/hull.js';
import { hypervolume } from '../../stages/pareto/hypervolume.js';

const coordinate = fc.integer({ min: -400, max: 1000 }).map((x) => x / 1000);
const set = (m: number, most = 8) =>
  fc.array(fc.array(coordinate, { minLength: m, maxLength: m }), { minLength: 1, maxLength: most });

describe('hypervolume of mixtures', () => {
  it('of one point is its box', () => {
    expect(hullHypervolume([[0.5, 0.4]], [0, 0])).toBeCloseTo(0.2, 12);
    expect(hullHypervolume([[0.5, 0.4, 0.3]], [0, 0.1, 0])).toBeCloseTo(0.5 * 0.3 * 0.3, 12);
  });

  it('of the corners of the simplex is the simplex', () => {
    expect(
      hullHypervolume(
        [
          [1, 0],
          [0, 1],
        ],
        [0, 0],
      ),
    ).toBeCloseTo(1 / 2, 12);
    expect(
      hullHypervolume(
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
        ],
        [0, 0, 0],
      ),
    ).toBeCloseTo(1 / 6, 12);
    const four = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((k) => (i === k ? 1 : 0)));
    expect(hullHypervolume(four, [0, 0, 0, 0])).toBeCloseTo(1 / 24, 12);
  });

  it('counts mixtures of points that lie below the reference themselves', () => {
    // The segment from (1, -.5) to (-.5, 1) is x + y = .5: a triangle of legs .5 above the origin.
    expect(
      hullHypervolume(
        [
          [1, -0.5],
          [-0.5, 1],
        ],
        [0, 0],
      ),
    ).toBeCloseTo(0.125, 12);
    expect(
      hypervolume(
        [
          [1, -0.5],
          [-0.5, 1],
        ],
        [0, 0],
      ),
    ).toBe(0);
  });

  it('gains nothing from points between two others', () => {
    const ends = [
      [1, 0.1],
      [0.1, 1],
    ];
    const filled = [...ends, [0.5, 0.6], [0.55, 0.55], [0.3, 0.8], [0.4, 0.4]];
    expect(hullHypervolume(filled, [0, 0])).toBeCloseTo(hullHypervolume(ends, [0, 0]), 12);
    expect(hypervolume(filled, [0, 0])).toBeGreaterThan(hypervolume(ends, [0, 0]));
  });

  it.each([2, 3])('lies between the hypervolume and the box, and ignores mixtures (m = %i)', (m) => {
    const origin = new Array<number>(m).fill(0);
    fc.assert(
      fc.property(set(m), fc.array(fc.nat(100), { minLength: 8, maxLength: 8 }), (points, shares) => {
        const hull = hullHypervolume(points, origin);
        const box = origin.reduce(
          (product, _, k) => product * Math.max(0, ...points.map((p) => p[k] ?? 0)),
          1,
        );
        expect(hull).toBeGreaterThanOrEqual(hypervolume(points, origin) - 1e-9);
        expect(hull).toBeLessThanOrEqual(box + 1e-9);
        const total = points.reduce((sum, _, i) => sum + (shares[i] ?? 0), 0);
        fc.pre(total > 0);
        const mixed = origin.map((_, k) =>
          points.reduce((sum, p, i) => sum + ((shares[i] ?? 0) / total) * (p[k] ?? 0), 0),
        );
        expect(hullHypervolume([...points, mixed], origin)).toBeCloseTo(hull, 8);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('agrees in two dimensions with the integral of the concave envelope', () => {
    fc.assert(
      fc.property(set(2), (points) => {
        expect(hullHypervolume(points, [0, 0])).toBeCloseTo(envelopeArea(points), 9);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('agrees in three dimensions with its slices', () => {
    fc.assert(
      fc.property(set(3, 5), (points) => {
        const sliced = hullHypervolume(points, [0, 0, 0]);
        expect(sliced).toBeCloseTo(slicedVolume(points), 2);
      }),
      { numRuns: 20, seed: 3 },
    );
  });
});

/** Area below the best y that mixtures reach at each x or beyond; by its break points, exact. */
function envelopeArea(points: readonly Point[]): number {
  const x = (p: Point): number => p[0] ?? 0;
  const y = (p: Point): number => p[1] ?? 0;
  const most = Math.max(...points.map(x));
  if (most <= 0) return 0;
  const height = (u: number): number => {
    let best = -Infinity;
    for (const p of points)
      for (const q of points) {
        if (x(p) >= u) best = Math.max(best, y(p));
        if (x(p) < u && x(q) > u) best = Math.max(best, y(p) + ((u - x(p)) / (x(q) - x(p))) * (y(q) - y(p)));
      }
    return best;
  };
  const breaks = [0, ...points.map(x).filter((u) => u > 0 && u < most), most].sort((a, b) => a - b);
  let area = 0;
  for (let i = 1; i < breaks.length; i++) {
    const [a, b] = [breaks[i - 1] ?? 0, breaks[i] ?? 0];
    if (b > a) area += trapezoid({ a, b, left: height(a), right: height(b - 1e-13) });
  }
  return area;
}

/** Area of the part above 0 of a straight edge from (a, left) to (b, right). */
function trapezoid(edge: { a: number; b: number; left: number; right: number }): number {
  const { a, b, left, right } = edge;
  if (left <= 0 && right <= 0) return 0;
  if (left >= 0 && right >= 0) return ((left + right) / 2) * (b - a);
  return ((Math.max(left, right) ** 2 / Math.abs(left - right)) * (b - a)) / 2;
}

/** Volume by adding areas of slices: mixtures of two points at the height t stand for the slice at t. */
function slicedVolume(points: readonly Point[]): number {
  const top = Math.max(0, ...points.map((p) => p[2] ?? 0));
  const steps = 400;
  let volume = 0;
  for (let i = 0; i < steps; i++) volume += sliceArea(points, ((i + 0.5) / steps) * top) * (top / steps);
  return volume;
}

function sliceArea(points: readonly Point[], t: number): number {
  const flat: Point[] = [];
  for (const p of points)
    for (const q of points) {
      const [zp, zq] = [p[2] ?? 0, q[2] ?? 0];
      if (zp >= t) flat.push([p[0] ?? 0, p[1] ?? 0]);
      const share = (t - zp) / (zq - zp);
      if (zp < t && zq > t) flat.push([0, 1].map((k) => (p[k] ?? 0) + share * ((q[k] ?? 0) - (p[k] ?? 0))));
    }
  return flat.length === 0 ? 0 : envelopeArea(flat);
}
