/** How secrets are found in bytes, apart from any command. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { patternsOf, Redactor, Searcher } from '../../runner/execute/worker/workshop/secrets.js';

const value = 'p"ss w/rd+?é-12345';
const token = patternsOf([{ name: 'TOKEN', value }]);

/** Text before a secret, in base64 as programs break it. */
function broken(before: string, { width, end }: { width: number; end: string }): string {
  const text = Buffer.from(`${before}${value} and more`).toString('base64');
  return (text.match(new RegExp(`.{1,${width}}`, 'g')) ?? []).join(end);
}

function inTwo(text: string, at: number): string {
  const redactor = new Redactor(token);
  const bytes = Buffer.from(text);
  const shown = [redactor.push(bytes.subarray(0, at)), redactor.push(bytes.subarray(at)), redactor.end()];
  return Buffer.concat(shown).toString();
}

function finds(patterns: typeof token, ...chunks: readonly string[]): boolean {
  const searcher = new Searcher(patterns);
  for (const chunk of chunks) searcher.push(Buffer.from(chunk));
  return searcher.found !== undefined;
}

describe('base64 that is broken into lines inside a secret', () => {
  const widths = [
    { width: 76, end: '\n' },
    { width: 64, end: '\r\n' },
    { width: 4, end: '\n' },
  ];

  it.each(widths)('of $width is masked wherever the stream is cut', (lines) => {
    const text = broken('x'.repeat(50), lines);
    const whole = new Redactor(token).text(text);
    expect(whole).toContain('***');
    expect(whole.length).toBeLessThan(text.length - 20);
    for (let at = 0; at <= text.length; at += 1) expect(inTwo(text, at)).toBe(whole);
  });

  it.each(widths)('of $width is found in an output wherever its bytes are cut', (lines) => {
    const text = broken('x'.repeat(50), lines);
    for (let at = 0; at <= text.length; at += 1)
      expect(finds(token, text.slice(0, at), text.slice(at))).toBe(true);
    expect(finds(token, broken('x'.repeat(50), lines).slice(0, 50))).toBe(false);
  });

  it('holds back no more than may be a secret', () => {
    const redactor = new Redactor(token);
    expect(redactor.push(Buffer.from('one\ntwo\n')).toString()).toBe('one\ntwo\n');
  });
});

describe('a secret', () => {
  it('with blanks at its ends is masked without them', () => {
    const patterns = patternsOf([{ name: 'TOKEN', value: ' abc123\n' }]);
    expect(new Redactor(patterns).text('Bearer abc123, YWJjMTIz, [ abc123\n]')).toBe(
      'Bearer ***, ***, [***]',
    );
    expect(finds(patterns, 'x=abc123;')).toBe(true);
  });

  it('of several lines is masked line by line, in any surroundings', () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const patterns = patternsOf([{ name: 'KEY', value: privateKey }]);
    const lines = privateKey.trim().split('\n');
    const indented = new Redactor(patterns).text(lines.map((line) => `  ${line}\r\n`).join(''));
    for (const line of lines.slice(1, -1)) expect(indented).not.toContain(line);
    expect(new Redactor(patterns).text(privateKey)).toBe('***');
    expect(finds(patterns, `key: ${lines[5] ?? ''}`)).toBe(true);
    expect(finds(patterns, '-----BEGIN PRIVATE KEY-----\nMII\n')).toBe(false);
  });
});
