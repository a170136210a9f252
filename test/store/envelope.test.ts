/** Signed records: which of them come in. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Put } from '../../runner/store/index.js';
import { publicText, seal, unseal } from '../../runner/store/remote/envelope.js';
import type { RemoteProblem } from '../../runner/store/remote/types.js';
import { errorOf, keyFor, recordOf, valueOf } from './fixtures.js';

const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey;
const signing = newKey();
const trusted = [publicText(signing)];

describe('an envelope', () => {
  const record = recordOf({ note: 'sealed' }, []);
  const key = keyFor({ note: 'sealed' });
  const refusal = (content: Buffer): RemoteProblem['code'] => errorOf(unseal(content, key, trusted)).code;
  const changed = (change: (envelope: Record<string, unknown>) => void): Buffer => {
    const envelope = JSON.parse(seal(record, signing).toString()) as Record<string, unknown>;
    change(envelope);
    return Buffer.from(JSON.stringify(envelope));
  };

  it('opens for who trusts its signer', () => {
    expect(valueOf(unseal(seal(record, signing), key, trusted))).toEqual(record);
  });

  it('of a stranger, or of one who claims to be trusted, stays closed', () => {
    expect(refusal(seal(record, newKey()))).toBe('not-trusted');
    expect(refusal(changed((envelope) => void (envelope.signer = publicText(newKey()))))).toBe('not-trusted');
    const forged = JSON.parse(seal(record, newKey()).toString()) as Record<string, unknown>;
    expect(refusal(Buffer.from(JSON.stringify({ ...forged, signer: trusted[0] })))).toBe('damaged');
  });

  it('with any byte of the record changed stays closed', () => {
    expect(
      refusal(
        changed((envelope) => void (envelope.record = String(envelope.record).replace('sealed', 'healed'))),
      ),
    ).toBe('damaged');
    expect(refusal(changed((envelope) => void (envelope.record = `${String(envelope.record)} `)))).toBe(
      'damaged',
    );
    expect(refusal(changed((envelope) => void (envelope.signature = '')))).toBe('damaged');
  });

  it('of another key stays closed, though its signature holds', () => {
    expect(refusal(seal(recordOf({ note: 'other' }, []), signing))).toBe('damaged');
    expect(refusal(seal({ ...recordOf({ note: 'other' }, []), key }, signing))).toBe('damaged');
  });

  it.each([
    [
      'bytes that are no number',
      { artifacts: [{ name: 'a', type: 'file', digest: '0'.repeat(64), bytes: '1' }] },
    ],
    [
      'an artifact of no type',
      { artifacts: [{ name: 'a', type: 'thing', digest: '0'.repeat(64), bytes: 1 }] },
    ],
    ['a digest that is a path', { artifacts: [{ name: 'a', type: 'file', digest: '../../x', bytes: 1 }] }],
    ['seconds that are no number', { seconds: '1' }],
    ['no environment', { environment: null }],
  ])('with %s stays closed, whoever signed it', (_, wrong) => {
    expect(refusal(seal({ ...record, ...wrong } as unknown as typeof record, signing))).toBe('damaged');
  });

  it('without an output that its preimage names stays closed', () => {
    const content = { outputs: { model: 'model' } };
    const refused = (outputs: Parameters<typeof recordOf>[1]): boolean =>
      !unseal(seal(recordOf(content, outputs), signing), keyFor(content), trusted).ok;
    const put = { digest: '0'.repeat(64), bytes: 1 } as Put;
    expect(refused([])).toBe(true);
    expect(refused([{ name: 'model', type: 'file', put }])).toBe(true);
    expect(refused([{ name: 'model', type: 'model', put }])).toBe(false);
  });

  it.each(['', '{', 'null', '[]', '{"v":2}', 'x'.repeat((1 << 20) + 1)])(
    'that is none (%#) stays closed',
    (text) => {
      expect(refusal(Buffer.from(text))).toBe('damaged');
    },
  );
});
