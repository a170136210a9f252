/** `moft.yaml`: text to settings, or all its errors with their places. */
import path from 'node:path';
import {
  CacheSchema,
  CapacitySchema,
  MachineSchema,
  MlflowSchema,
  type CacheSettings,
  type Machine,
  type MachineResources,
  type MlflowPlace,
} from '../../schemas/machine.js';
import { keysOf } from '../../schemas/pipeline.js';
import { withoutLogin } from '../login.js';
import type { Diagnostic } from '../pipeline.js';
import type { Context } from './context.js';
import { Diagnostics } from './diagnostics.js';
import type { Entry, Node } from './nodes.js';
import type { Source } from './options.js';
import { readDocument } from './read-document.js';
import { readAmount, readBytes, readTokens } from './read-resources.js';
import { expected, knownEntries, readDuration, readText } from './settings.js';

const standardTimeout = 10;

/** What holds where the file says nothing. */
const noMachine: Machine = {
  shared: false,
  resources: {},
  caches: [],
  mlflow: { judgments: true, trust: [] },
};

export interface MachineAnalysis {
  readonly machine: Machine;
  readonly diagnostics: readonly Diagnostic[];
}

/** Relative paths are those of the folder that the file lies in. */
export function readMachine(source: Source): MachineAnalysis {
  const diagnostics = new Diagnostics(source);
  const context: Context = { diagnostics, registry: new Map(), params: new Map() };
  const document = readDocument(source, diagnostics);
  if (!document) return { machine: noMachine, diagnostics: diagnostics.sorted() };
  const entries = knownEntries(document, { keys: keysOf(MachineSchema), what: '`moft.yaml`' }, context);
  const resources = readCapacity(entries.get('resources')?.value, context);
  const caches = readCaches(entries.get('caches')?.value, source, context);
  const mlflow = readMlflow(entries.get('mlflow')?.value, context);
  const shared = flagOf(entries.get('shared')?.value, '`shared`', context);
  return { machine: { shared, resources, caches, mlflow }, diagnostics: diagnostics.sorted() };
}

function readMlflow(node: Node | undefined, context: Context): MlflowPlace {
  if (node === undefined) return noMachine.mlflow;
  const entries: Entries = knownEntries(node, { keys: keysOf(MlflowSchema), what: '`mlflow`' }, context);
  const written = entries.get('uri')?.value;
  const uri = written && readText(written, '`uri`', context);
  const of = (name: string): Node | undefined => entries.get(name)?.value;
  const rest = {
    judgments: flagOf(of('judgments'), '`judgments`', context, true),
    trust: trustOf(of('trust'), context),
  };
  if (written === undefined || uri === undefined) return rest;
  if (!/^https?:\/\//.test(uri) || !URL.canParse(uri)) {
    expected(written, '`uri` takes an address', context, 'write it like http://mlflow.example:5000');
    return rest;
  }
  const { username, password } = new URL(uri);
  if (username === '' && password === '') return { uri, ...rest };
  context.diagnostics.report(written, {
    code: 'wrong-address',
    message: '`uri` holds a password',
    hint: 'put it into MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD',
  });
  return rest;
}

function readCapacity(node: Node | undefined, context: Context): MachineResources {
  if (node === undefined) return {};
  const entries: Entries = knownEntries(node, { keys: keysOf(CapacitySchema), what: '`resources`' }, context);
  const read = <T>(
    key: keyof typeof CapacitySchema.properties,
    of: (value: Node, context: Context) => T | undefined,
  ): Record<string, T> => {
    const value = entries.get(key)?.value;
    const result = value && of(value, context);
    return result === undefined ? {} : { [key]: result };
  };
  return {
    ...read('cpu', readAmount),
    ...read('memory', readBytes),
    ...read('gpu', readCards),
    ...read('tokens', readTokens),
  };
}

/** Ids of graphics cards, as CUDA_VISIBLE_DEVICES takes them. */
function readCards(node: Node, context: Context): readonly string[] | undefined {
  const ids = node.kind === 'list' ? node.items.map((item) => cardOf(item)) : [undefined];
  const known = ids.filter((id) => id !== undefined);
  if (known.length === ids.length && new Set(known).size === known.length) return known;
  const what = '`gpu` takes a list of graphics cards, each once';
  expected(
    node,
    what,
    context,
    'write their indices, `[0, 1]`, or their UUIDs, as `nvidia-smi -L` lists them',
  );
  return undefined;
}

function cardOf(item: Node): string | undefined {
  const text = item.kind === 'scalar' ? String(item.value) : '';
  return /^(\d+|[A-Za-z][\w/:-]*)$/.test(text) ? text : undefined;
}

function readCaches(caches: Node | undefined, source: Source, context: Context): readonly CacheSettings[] {
  if (caches === undefined) return [];
  if (caches.kind === 'list') return caches.items.flatMap((item) => readCache(item, source, context) ?? []);
  expected(caches, '`caches` takes a list of shared caches', context, 'begin each with `- `');
  return [];
}

type Entries = ReadonlyMap<string, Entry>;
type CacheKey = keyof typeof CacheSchema.properties;

function readCache(node: Node, source: Source, context: Context): CacheSettings | undefined {
  const entries: Entries = knownEntries(node, { keys: keysOf(CacheSchema), what: 'a cache' }, context);
  const of = (key: CacheKey): Node | undefined => entries.get(key)?.value;
  const textOf = (key: CacheKey): string | undefined => {
    const value = of(key);
    return value && readText(value, `\`${key}\``, context);
  };
  const folder = textOf('folder');
  const url = textOf('url');
  const timeout = of('timeout');
  if (!checkPlace(node, { folder, url, insecure: flagOf(of('insecure'), '`insecure`', context) }, context))
    return undefined;
  return {
    ...(folder === undefined ? {} : { folder: path.resolve(path.dirname(source.file), folder) }),
    ...(url === undefined ? {} : { url }),
    ...optional('token', textOf('token')),
    ...optional('login', textOf('login')),
    trust: trustOf(of('trust'), context),
    push: flagOf(of('push'), '`push`', context),
    timeout: (timeout && readDuration(timeout, '`timeout`', context)) ?? standardTimeout,
  };
}

const optional = <K extends string>(key: K, value: string | undefined): { readonly [key in K]?: string } =>
  (value === undefined ? {} : { [key]: value }) as { readonly [key in K]?: string };

interface Where {
  readonly folder: string | undefined;
  readonly url: string | undefined;
  readonly insecure: boolean;
}

function checkPlace(node: Node, { folder, url, insecure }: Where, { diagnostics }: Context): boolean {
  if (node.kind !== 'map') return false;
  const report = (message: string, hint: string): false => {
    diagnostics.report(node, { code: 'wrong-cache', message, hint });
    return false;
  };
  if ((folder === undefined) === (url === undefined))
    return report('a cache takes `folder` or `url`, one of them', 'write `url: https://...`');
  if (url === undefined) return true;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    return report(
      `\`url\` takes an address, found ${JSON.stringify(withoutLogin(url))}`,
      'write it like https://cache.example/moft',
    );
  if (parsed.username !== '' || parsed.password !== '')
    return report(
      '`url` holds a password',
      'put `user:password` into a variable, and its name under `login:`',
    );
  if (parsed.protocol === 'http:' && !insecure)
    return report(
      '`url` is plain http, which anyone on the way can read',
      'use https, or say `insecure: true`',
    );
  return true;
}

function flagOf(node: Node | undefined, what: string, context: Context, usual = false): boolean {
  if (node === undefined) return usual;
  if (node.kind === 'scalar' && typeof node.value === 'boolean') return node.value;
  expected(node, `${what} takes true or false`, context);
  return usual;
}

/** Ed25519 keys: base64 of 32 bytes. */
const publicKey = /^[A-Za-z0-9+/]{43}=$/;

function trustOf(node: Node | undefined, context: Context): readonly string[] {
  if (node === undefined) return [];
  if (node.kind !== 'list') {
    expected(node, '`trust` takes a list of public keys', context);
    return [];
  }
  return node.items.flatMap((item) => {
    if (item.kind === 'scalar' && typeof item.value === 'string' && publicKey.test(item.value))
      return [item.value];
    expected(
      item,
      '`trust` takes public keys of 44 characters',
      context,
      'copy the one that `moft push --make-key` prints',
    );
    return [];
  });
}
