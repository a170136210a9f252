/** Artifacts, where a run says that its own lie: behind the server, or in a folder of this machine. */
import fs, { createReadStream, createWriteStream } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { err, ok, type Result } from '../../../schemas/result.js';
import { problem, type MlflowProblem } from './problem.js';
import type { Transport, Upload } from './transport.js';
import type { ArtifactEntry } from './types.js';

export interface ArtifactFolder {
  /** Writes a file whole, over what is there. */
  put(name: string, upload: Upload): Promise<Result<void, MlflowProblem>>;
  /** Bytes as they come; undefined where there are none. */
  get(name: string): Promise<Result<AsyncIterable<Uint8Array> | undefined, MlflowProblem>>;
  /** What stands directly in a folder; nothing where there is none. */
  list(folder?: string): Promise<Result<readonly ArtifactEntry[], MlflowProblem>>;
  remove(name: string): Promise<Result<void, MlflowProblem>>;
}

/** Of a file that doesn't change while it is sent. */
export const fileUpload = (file: string): Upload => ({
  bytes: fs.statSync(file).size,
  open: () => createReadStream(file),
});

export function textUpload(text: string): Upload {
  const bytes = Buffer.from(text);
  return { bytes: bytes.length, open: () => bytes };
}

/** All of a small artifact as text; undefined where there is none, a problem where it is larger. */
export async function artifactText(
  folder: ArtifactFolder,
  name: string,
  most: number,
): Promise<Result<string | undefined, MlflowProblem>> {
  const body = await folder.get(name);
  if (!body.ok || body.value === undefined) return body.ok ? ok(undefined) : body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body.value) {
      bytes += chunk.length;
      if (bytes > most) return err(problem('damaged', `the artifact ${name} has more than ${most} bytes`));
      chunks.push(chunk);
    }
  } catch (error) {
    return err(problem('unreachable', `the artifact ${name} broke off: ${(error as Error).message}`));
  }
  return ok(Buffer.concat(chunks).toString('utf8'));
}

const proxy = '/api/2.0/mlflow-artifacts/artifacts';

/**
 * The folder of an `artifact_uri`. Errors: a scheme that this client doesn't write to itself (S3 and others), a path of
 * another machine.
 */
export function artifactFolder(to: Transport, uri: string): Result<ArtifactFolder, MlflowProblem> {
  if (/^mlflow-artifacts:\/(?!\/)|^mlflow-artifacts:\/\/\//.test(uri))
    return ok(checked(proxied(to, uri.replace(/^mlflow-artifacts:\/+/, ''))));
  const own = `${to.address}${proxy}/`;
  if (uri.startsWith(own)) return ok(checked(proxied(to, decodeURIComponent(uri.slice(own.length)))));
  if (uri.startsWith('file:') || path.isAbsolute(uri)) return localFolder(to, uri);
  return err(elsewhere(uri));
}

function elsewhere(uri: string): MlflowProblem {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1] ?? 'a relative path';
  return problem(
    'unsupported',
    `the artifacts of the run lie in ${scheme} (${uri}), which moft does not write to`,
    {
      hint: `start the server with \`--artifacts-destination ${uri.includes('://') ? uri.split('/').slice(0, 3).join('/') : 'FOLDER'} --serve-artifacts\`, so that it passes them on, and take another \`experiment:\`, since an old one keeps its place`,
    },
  );
}

/** What some server, or the system under it, would refuse, decode twice, or take for something else. */
const oddSegment = /^\.{0,2}$|[\u0000-\u001f\u007f#%\\:*?"<>|]|\p{Surrogate}/u;

/** Whether every server keeps an artifact under this name. */
export const isArtifactName = (name: string): boolean =>
  name.length <= 500 && !name.split('/').some((segment) => oddSegment.test(segment));

/** A folder that refuses the names which a server would spoil. */
function checked(folder: ArtifactFolder): ArtifactFolder {
  const refuse = (name: string): Result<never, MlflowProblem> | undefined =>
    isArtifactName(name)
      ? undefined
      : err(problem('invalid', `${JSON.stringify(name)} is no name of an artifact`));
  return {
    put: async (name, upload) => refuse(name) ?? folder.put(name, upload),
    get: async (name) => refuse(name) ?? folder.get(name),
    list: async (name) => (name === undefined ? undefined : refuse(name)) ?? folder.list(name),
    remove: async (name) => refuse(name) ?? folder.remove(name),
  };
}

const encoded = (name: string): string => name.split('/').map(encodeURIComponent).join('/');

function proxied(to: Transport, root: string): ArtifactFolder {
  const at = (name: string): string => `${proxy}/${encoded(root)}/${encoded(name)}`;
  return {
    put: (name, upload) => to.upload(at(name), upload),
    get: (name) => to.download(at(name)),
    list: async (folder) => {
      const query = { path: folder === undefined ? root : `${root}/${folder}` };
      const answer = await to.json<{
        files?: { path: string; is_dir?: boolean; file_size?: number | string }[];
      }>({
        method: 'GET',
        path: proxy,
        query,
      });
      if (!answer.ok) return answer.error.kind === 'missing' ? ok([]) : answer;
      return ok(
        (answer.value.files ?? []).map((file) => ({
          path: folder === undefined ? file.path : `${folder}/${file.path}`,
          folder: file.is_dir === true,
          bytes: Number(file.file_size ?? 0),
        })),
      );
    },
    remove: async (name) => {
      const done = await to.text({ method: 'DELETE', path: at(name) });
      return done.ok || done.error.kind === 'missing' ? ok(undefined) : done;
    },
  };
}

const isLoopback = (address: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(address).hostname);

/** `<root>/<experiment>/<run>/artifacts`: where the server is elsewhere, the root must be a disk that both have. */
function localFolder(to: Transport, uri: string): Result<ArtifactFolder, MlflowProblem> {
  const root = uri.startsWith('file:') ? fileURLToPath(uri.replace(/^file:(?!\/\/)\/*/, 'file:///')) : uri;
  const disk = path.resolve(root, '../../..');
  if (!isLoopback(to.address) && !fs.existsSync(disk))
    return err(
      problem(
        'unsupported',
        `the server keeps artifacts in ${root}, a folder that this machine does not have`,
        {
          hint: 'start the server with `--serve-artifacts`, or share that folder',
        },
      ),
    );
  return ok(checked(local(root)));
}

function local(root: string): ArtifactFolder {
  const at = (name: string): string => path.join(root, ...name.split('/'));
  return {
    put: (name, { open }) => onDisk(() => writeWhole(at(name), open())),
    get: (name) =>
      onDisk(() => {
        const file = at(name);
        const isFile = fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
        return Promise.resolve(isFile ? createReadStream(file) : undefined);
      }),
    list: (folder) => onDisk(() => listFolder(root, folder)),
    remove: (name) => onDisk(() => fs.promises.rm(at(name), { force: true })),
  };
}

async function writeWhole(file: string, content: Readable | Buffer): Promise<void> {
  await fs.promises.mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.part`;
  try {
    if (Buffer.isBuffer(content)) await fs.promises.writeFile(temporary, content);
    else await pipeline(content, createWriteStream(temporary));
    await fs.promises.rename(temporary, file);
  } finally {
    await fs.promises.rm(temporary, { force: true });
  }
}

async function listFolder(root: string, folder: string | undefined): Promise<readonly ArtifactEntry[]> {
  const at = folder === undefined ? root : path.join(root, ...folder.split('/'));
  if (!fs.existsSync(at)) return [];
  const entries = await fs.promises.readdir(at, { withFileTypes: true });
  return entries.map((entry) => ({
    path: folder === undefined ? entry.name : `${folder}/${entry.name}`,
    folder: entry.isDirectory(),
    bytes: entry.isFile() ? fs.statSync(path.join(at, entry.name)).size : 0,
  }));
}

async function onDisk<T>(work: () => Promise<T>): Promise<Result<T, MlflowProblem>> {
  try {
    return ok(await work());
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return err(problem('local', `the artifacts of the run can't be used: ${message}`));
  }
}
