import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { digestOfFile } from '../../runner/store/file-digest.js';
import { sha256 } from '../../schemas/json.js';
import { temporaryFolder } from './fixtures.js';

it.each([0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])(
  'a file of %i bytes has the digest of its bytes, which are read a chunk at a time',
  (size) => {
    const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31) & 255));
    const file = path.join(temporaryFolder(), 'file');
    fs.writeFileSync(file, bytes);
    expect(digestOfFile(file)).toBe(sha256(bytes));
  },
);
