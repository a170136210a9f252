/** What a user, the disk, the network or a stage can cause is a value, not an exception. */
export type Result<T, E> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): { ok: true; value: T } => ({ ok: true, value });
export const err = <E>(error: E): { ok: false; error: E } => ({ ok: false, error });

/** Closes a union: a call that type-checks can never be reached. */
export function unreachable(x: never): never {
  throw new Error(`internal error: unexpected ${JSON.stringify(x)}; please report it`);
}
