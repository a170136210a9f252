import { isScalar } from 'yaml';

/** Text that stands without quotes. */
export const plainText = (node: unknown): string | undefined =>
  isScalar(node) && node.type === 'PLAIN' ? node.source : undefined;

/** No value, or one that is written `null`, without an anchor or a tag. */
export const isNull = (node: unknown): boolean =>
  isNothing(node) ||
  (isScalar(node) &&
    node.tag === undefined &&
    node.anchor === undefined &&
    /^(~|null|Null|NULL)$/.test(plainText(node) ?? ''));

export const isNothing = (node: unknown): boolean =>
  node === null || node === undefined || plainText(node) === '';
