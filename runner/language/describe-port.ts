import type { InputPort } from '../contract.js';

/** What an input takes, in words: "a reference to a model", "references to artifacts of the type front". */
export function describePort(port: InputPort): string {
  const one = oneOf(port);
  if (port.many === undefined) return one;
  return port.many === 'map' ? `a map from names to ${one}` : `a list, each item ${one}`;
}

function oneOf({ type, list, path }: InputPort): string {
  if (path === 'only') return 'a path relative to this file';
  const what = type === 'any' ? 'an artifact of any type' : `a ${type}`;
  const several = type === 'any' ? 'artifacts of any type' : `artifacts of the type ${type}`;
  const references = {
    one: `a reference to ${what}`,
    list: `references to ${several}`,
    either: `a reference to ${what}, or to several`,
  }[list === true ? 'list' : list === 'either' ? 'either' : 'one'];
  return `${references}${path === true ? ', or a path relative to this file' : ''}`;
}
