import type { ArtifactType } from '../../schemas/artifact.js';
import type { JsonObject } from '../../schemas/json.js';
import type { InputPort, StageKind } from '../contract.js';
import type { PathBinding } from '../pipeline.js';
import type { Finding, Reporter } from './diagnostics.js';
import type { MapNode, Node, ReferenceNode, StageReference } from './nodes.js';

/** What is written at an input, before anything is expanded. */
export type PortUse =
  | {
      readonly kind: 'references';
      /** Of the input: the port's, or that of an entry of a port that takes many. */
      readonly name: string;
      readonly port: InputPort;
      readonly nodes: readonly ReferenceNode[];
      /** The input is a list, be it of one. */
      readonly gathered: boolean;
    }
  | { readonly kind: 'path'; readonly name: string; readonly binding: PathBinding };

export interface PortContext {
  readonly stage: string;
  /** The stage as written. */
  readonly node: Node;
  readonly place: MapNode['place'];
  readonly kind: StageKind;
  readonly file: string;
  readonly workingFolder: string;
  readonly exists: ((path: string) => boolean) | undefined;
  readonly isFolder: ((path: string) => boolean) | undefined;
  /** Folder that placed paths must not leave. */
  readonly root: string;
  /** The other values of the stage, with defaults. */
  readonly values: JsonObject;
  readonly diagnostics: Reporter;
  /** References of the file that give a type, for hints. */
  readonly candidates: (type: InputPort['type']) => readonly string[];
  /** Kinds that give a type. */
  readonly makers: (type: InputPort['type']) => readonly string[];
  /** Type of the output that a reference reads, as far as it is known. */
  readonly typeOf: (reference: StageReference) => ArtifactType | undefined;
  /** What is wrong with the selectors or the output of a reference, if anything. */
  readonly unselectable: (reference: StageReference) => readonly Finding[];
  /** Axes that a gather of a stage is likely meant for: its own ones, else those it carries; never `seed`. */
  readonly gatherable: (stage: string) => readonly string[];
}

export const typeText = ({ type }: InputPort): string => (type === 'any' ? 'artifact' : type);

/** `a file`, `an artifact`. */
export const oneOf = (port: InputPort): string => `${port.type === 'any' ? 'an' : 'a'} ${typeText(port)}`;

/** What a port takes, in words. */
export function takes(port: InputPort): string {
  const one = oneOf(port);
  if (port.path === 'only')
    return port.type === 'any' ? 'the path of a file or folder' : `the path of ${one}`;
  if (port.list === true) return `a list (each ${one})`;
  return port.path === true ? `${one}: a path or a reference` : one;
}
