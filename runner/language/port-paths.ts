import { dirname, relative, resolve, sep } from 'node:path';
import type { InputPort } from '../contract.js';
import type { PathBinding } from '../pipeline.js';
import { isCommandLine } from './format-diagnostic.js';
import type { Node } from './nodes.js';
import { oneOf, type PortContext, type PortUse } from './port-use.js';

interface Written {
  readonly node: Node;
  readonly text: string;
}

/** A path at an input; undefined where it leads to nothing, or out of the project where that counts. */
export function readPath(
  name: string,
  port: InputPort,
  written: Written,
  context: PortContext,
): PortUse | undefined {
  const { node, text } = written;
  const path = resolve(folderOf(node, context), text);
  const inPlace = port.inPlace?.(context.values) === true;
  const placed = port.placed === true && !inPlace;
  if (placed && leaves(context.root, path)) {
    reportLeaving(name, written, context);
    return undefined;
  }
  if (context.exists?.(path) === false) {
    reportMissing(name, port, { ...written, path }, context);
    return undefined;
  }
  const at = relative(dirname(context.file), path).split(sep).join('/');
  const binding: PathBinding = {
    kind: 'path',
    type: port.type === 'any' ? typeOf(path, text, context) : port.type,
    path,
    place: node.place,
    ...(placed ? { at: at === '' ? '.' : at } : {}),
    ...(inPlace ? { inPlace } : {}),
  };
  return { kind: 'path', name, binding };
}

function folderOf({ place }: Node, { workingFolder, file }: PortContext): string {
  return isCommandLine(place.file) ? workingFolder : dirname(file);
}

const typeOf = (path: string, text: string, { isFolder }: PortContext): 'file' | 'directory' =>
  (isFolder?.(path) ?? text.endsWith('/')) ? 'directory' : 'file';

/** By its text alone; where a link leads is looked at when it is read. */
function leaves(root: string, path: string): boolean {
  return path !== root && !path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function reportLeaving(name: string, { node, text }: Written, { root, diagnostics }: PortContext): undefined {
  diagnostics.report(node, {
    code: 'path-outside',
    message: `\`${name}\` takes a path inside the project, and ${JSON.stringify(text)} leads out of it`,
    hint: `the project is ${root}; copy what is needed into it`,
  });
}

function reportMissing(
  name: string,
  port: InputPort,
  { node, text, path }: Written & { readonly path: string },
  { diagnostics }: PortContext,
): undefined {
  const takes = port.type === 'any' ? 'a file or folder' : oneOf(port);
  diagnostics.report(node, {
    code: 'missing-file',
    message: `\`${name}\` takes ${takes}, and there is nothing at ${JSON.stringify(text)}`,
    hint: `looked for ${path}; a path is relative to ${isCommandLine(node.place.file) ? 'the working folder' : 'this file'}`,
  });
}
