/** The key that signs what this person pushes: an Ed25519 key in a file of their own. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from './exit.js';
import type { CliHost } from './host.js';

/** MOFT_SIGNING_KEY, else `moft/signing-key.pem` in the folder for configuration. */
export function signingKeyFile({ env, cwd }: Pick<CliHost, 'env' | 'cwd'>): string {
  const given = env.MOFT_SIGNING_KEY;
  if (given !== undefined && given !== '') return resolve(cwd, given);
  const config = env.XDG_CONFIG_HOME;
  const folder = config !== undefined && config !== '' ? config : join(env.HOME ?? cwd, '.config');
  return join(folder, 'moft', 'signing-key.pem');
}

export function readSigningKey(host: CliHost): KeyObject {
  const file = signingKeyFile(host);
  if (!existsSync(file))
    throw new UsageError(`there is no signing key ${file}`, 'make one with `moft push --make-key`');
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Told below, without a word of what stands in the file.
  }
  throw new UsageError(
    `${file} holds no Ed25519 key in PEM`,
    'make one with `moft push --make-key` elsewhere: MOFT_SIGNING_KEY=FILE',
  );
}

/** Makes a key that only its owner can read; never replaces one. */
export function makeSigningKey(host: CliHost): { readonly file: string; readonly key: KeyObject } {
  const file = signingKeyFile(host);
  if (existsSync(file)) return { file, key: readSigningKey(host) };
  const { privateKey } = generateKeyPairSync('ed25519');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  return { file, key: privateKey };
}

/** Undefined where this person has none that can be read. */
export function signingKeyIfAny(host: CliHost): KeyObject | undefined {
  try {
    return existsSync(signingKeyFile(host)) ? readSigningKey(host) : undefined;
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
