/**
 * Volume of {x in R^d : a_i . x <= b_i}, bounded, by Lasserre's recursion over its facets: each half-space in
 * turn holds with equality, one variable is eliminated, and the facet's volume is found the same way.
 * Source: Lasserre, "An analytical expression and an algorithm for the volume of a convex polyhedron in R^n",
 * 1983. Exact up to rounding; made for d up to 4 and some hundred half-spaces.
 */
export interface HalfSpace {
  readonly normal: readonly number[];
  readonly offset: number;
}

const tiny = 1e-12;

/** Volume; 0 where the set is empty or flat. Half-spaces may be redundant or repeated. */
export function polytopeVolume(halfSpaces: readonly HalfSpace[], dimension: number): number {
  const proper = normalised(halfSpaces);
  if (proper === null) return 0;
  if (dimension === 1) return interval(proper);
  let volume = 0;
  proper.forEach((face, i) => {
    if (face.offset === 0) return;
    const pivot = largest(face.normal);
    const rest = proper.filter((_, j) => j !== i).map((other) => eliminate(other, face, pivot));
    const area = polytopeVolume(rest, dimension - 1);
    volume += (face.offset / Math.abs(face.normal[pivot] ?? 1)) * area;
  });
  return volume / dimension;
}

/** Unit normals, each half-space once, trivial ones dropped; null where one can't hold. */
function normalised(halfSpaces: readonly HalfSpace[]): HalfSpace[] | null {
  const kept: HalfSpace[] = [];
  for (const { normal, offset } of halfSpaces) {
    const length = Math.hypot(...normal);
    if (length < tiny) {
      if (offset < -tiny) return null;
      continue;
    }
    const unit = { normal: normal.map((x) => x / length), offset: offset / length };
    if (!kept.some((other) => same(other, unit))) kept.push(unit);
  }
  return kept;
}

function same(a: HalfSpace, b: HalfSpace): boolean {
  const close = 1e-10;
  return (
    Math.abs(a.offset - b.offset) < close &&
    a.normal.every((x, k) => Math.abs(x - (b.normal[k] ?? 0)) < close)
  );
}

function interval(halfSpaces: readonly HalfSpace[]): number {
  let low = -Infinity;
  let high = Infinity;
  for (const { normal, offset } of halfSpaces) {
    const a = normal[0] ?? 0;
    if (a > 0) high = Math.min(high, offset / a);
    else low = Math.max(low, offset / a);
  }
  return Math.max(0, high - low);
}

function largest(normal: readonly number[]): number {
  return normal.reduce((best, x, k) => (Math.abs(x) > Math.abs(normal[best] ?? 0) ? k : best), 0);
}

/** `other` within the hyperplane of `face`, whose variable `pivot` is solved for. */
function eliminate(other: HalfSpace, face: HalfSpace, pivot: number): HalfSpace {
  const factor = (other.normal[pivot] ?? 0) / (face.normal[pivot] ?? 1);
  const normal = other.normal.map((x, k) => x - factor * (face.normal[k] ?? 0));
  normal.splice(pivot, 1);
  return { normal, offset: other.offset - factor * face.offset };
}
