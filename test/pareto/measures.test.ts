import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrated, calibration } from '../../stages/pareto/calibration.js';
import {
  additiveEpsilon,
  generationalDistance,
  invertedGenerationalDistance,
  invertedGenerationalDistancePlus,
} from '../../stages/pareto/distance.js';
import { dominates, nonDominated, paretoFront } from '../../stages/pareto/dominance.js';
import { hypervolume } from '../../stages/pareto/hypervolume.js';
import { maximumSpread, spacing, sparsity } from '../../stages/pareto/spread.js';
import {
  askedUtility,
  expectedUtility,
  maximumUtilityLoss,
  missteering,
} from '../../stages/pareto/utility.js';

describe('dominance', () => {
  it('needs one objective above and none below', () => {
    expect(dominates([1, 1], [1, 0])).toBe(true);
    expect(dominates([1, 1], [1, 1])).toBe(false);
    expect(dominates([2, 0], [1, 1])).toBe(false);
  });

  it('keeps duplicates as indices and drops them as a front', () => {
    const points = [
      [1, 0],
      [0, 1],
      [1, 0],
      [0.5, -1],
    ];
    expect(nonDominated(points)).toEqual([0, 1, 2]);
    expect(paretoFront(points)).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });
});

describe('hypervolume', () => {
  it.each([
    ['one point', [[0.5, 0.4]], [0, 0], 0.2],
    [
      'a staircase',
      [
        [3, 1],
        [2, 2],
        [1, 3],
      ],
      [0, 0],
      6,
    ],
    [
      'points on the reference',
      [
        [1, 0],
        [0, 1],
      ],
      [0, 0],
      0,
    ],
    [
      'a cube and a slab',
      [
        [1, 1, 1],
        [2, 1, 0.5],
      ],
      [0, 0, 0],
      1.5,
    ],
    [
      'four objectives',
      [
        [1, 1, 1, 1],
        [2, 1, 1, 0.5],
      ],
      [0, 0, 0, 0],
      1.5,
    ],
    ['one objective', [[3], [5]], [1], 4],
    ['nothing', [], [0, 0], 0],
  ])('of %s', (_, points, reference, volume) =>
    expect(hypervolume(points, reference)).toBeCloseTo(volume, 12),
  );

  it.each([2, 3, 4])('is the share of a grid that is dominated (m = %i)', (m) => {
    const coordinate = fc.integer({ min: 0, max: 5 });
    const set = fc.array(fc.array(coordinate, { minLength: m, maxLength: m }), {
      minLength: 1,
      maxLength: 7,
    });
    fc.assert(
      fc.property(set, (points) => {
        let cells = 0;
        for (let cell = 0; cell < 5 ** m; cell++) {
          const corner = Array.from({ length: m }, (_, k) => (Math.floor(cell / 5 ** k) % 5) + 1);
          if (points.some((point) => corner.every((x, k) => (point[k] ?? 0) >= x))) cells += 1;
        }
        expect(hypervolume(points, new Array<number>(m).fill(0))).toBeCloseTo(cells, 9);
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe('calibration', () => {
  it('puts the reference at 0 and each expert at 1 on its own objective', () => {
    const scale = calibration(
      [0.2, 10],
      [
        [0.7, 8],
        [0.1, 30],
      ],
    );
    expect(scale && calibrated([0.2, 10], scale)).toEqual([0, 0]);
    expect(scale && calibrated([0.7, 30], scale)).toEqual([1, 1]);
    expect(scale && calibrated([0.45, 8], scale)).toEqual([
      expect.closeTo(0.5, 12),
      expect.closeTo(-0.1, 12),
    ]);
  });

  it('does not exist where an expert gains nothing', () => {
    expect(
      calibration(
        [0.2, 0.3],
        [
          [0.2, 0],
          [0, 1],
        ],
      ),
    ).toBeNull();
  });
});

describe('distances', () => {
  const front = [
    [1, 0],
    [0, 1],
  ];

  it('are mean distances to the nearest', () => {
    expect(generationalDistance([[1, 0.5]], front)).toBeCloseTo(0.5, 12);
    expect(invertedGenerationalDistance([[1, 0.5]], front)).toBeCloseTo((0.5 + Math.hypot(1, 0.5)) / 2, 12);
  });

  it('count shortfalls only in IGD+', () =>
    expect(invertedGenerationalDistancePlus([[1, 0.5]], front)).toBeCloseTo(0.25, 12));

  it('are 0 of a front to itself, and epsilon too', () => {
    for (const measure of [
      generationalDistance,
      invertedGenerationalDistance,
      invertedGenerationalDistancePlus,
    ])
      expect(measure(front, front)).toBe(0);
    expect(additiveEpsilon(front, front)).toBe(0);
    expect(
      additiveEpsilon(
        [
          [0.9, -0.1],
          [-0.3, 0.9],
        ],
        front,
      ),
    ).toBeCloseTo(0.3, 12);
    expect(additiveEpsilon([[1.1, 1.2]], front)).toBeCloseTo(-0.1, 12);
  });
});

describe('layout', () => {
  it('is 0 where gaps are equal', () => {
    expect(
      spacing(
        [
          [0, 2],
          [1, 1],
          [2, 0],
        ],
        'L1',
      ),
    ).toBe(0);
    expect(spacing([[0, 0]], 'L1')).toBeNaN();
  });

  it('has the population deviation of nearest distances', () => {
    const points = [
      [0, 0],
      [1, 0],
      [1, 3],
    ];
    expect(spacing(points, 'L1')).toBeCloseTo(Math.sqrt(8 / 9), 12);
    expect(sparsity(points)).toBeCloseTo((1 + 9) / 2, 12);
    expect(maximumSpread(points)).toBeCloseTo(Math.sqrt(10), 12);
  });
});

describe('utility', () => {
  const points = [
    [1, 0],
    [0.6, 0.6],
    [0, 1],
  ];
  const asked = [
    [1, 0],
    [0.5, 0.5],
    [0, 1],
  ];

  it('is that of the best point for each preference', () => {
    expect(expectedUtility(points, asked)).toBeCloseTo(2.6 / 3, 12);
    expect(maximumUtilityLoss([[0.6, 0.6]], points, asked)).toBeCloseTo(0.4, 12);
  });

  it('is lost where another point than the one asked for is best', () => {
    expect(missteering(points, asked)).toBe(0);
    const swapped = [...points].reverse();
    expect(askedUtility(swapped, asked)).toBeCloseTo(0.2, 12);
    expect(missteering(swapped, asked)).toBeCloseTo(2.6 / 3 - 0.2, 12);
  });
});
