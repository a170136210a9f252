/** `moft graph`: the same picture in four formats, from the real command. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placeGraph } from '../../cli/graph/layout.js';
import { Project } from './moft.js';

const text = `
name: sums
stages:
  one:
    uses: test/sum
    matrix: {value: [1, 2], kind-of: {a: 1, b: 2, c: 3}}
    with: {value: $matrix.value}
  some: {uses: test/sum, with: {numbers: $one(kind-of=*).sum}}
  all: {uses: test/sum, needs: [one], with: {numbers: $some(*).sum}}
`;

let project: Project;
beforeAll(() => {
  project = new Project(text);
});
afterAll(() => project.close());

const graph = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await project.run('graph', 'p.yaml', ...args);
  const at = args.indexOf('-o');
  expect({ code, stderr }).toEqual({ code: 0, stderr: at < 0 ? '' : `wrote ${args[at + 1] ?? ''}\n` });
  return stdout;
};

describe('moft graph', () => {
  it('is Mermaid with axes collapsed into counts, selectors at edges, and what only waits dashed', async () => {
    expect(await graph()).toBe(`flowchart TD
  n0["one x3 (kind-of) x2 (value)<br/>test/sum"]
  n1["some x2 (value)<br/>test/sum"]
  n2["all<br/>test/sum"]
  n0 -->|"(kind-of=*)"| n1
  n1 -->|"(*)"| n2
  n0 -.-> n2
`);
  });

  it('writes one selector at an edge, in variants as in the base', async () => {
    project.write(
      'variants.yaml',
      `${text}ablations: {one: {one_at_a_time: {other: {value: 7}}}}\n`
        .replace('{value: $matrix.value}', '{}')
        .replace('matrix: {value: [1, 2], kind-of', 'matrix: {kind-of'),
    );
    const { stdout } = await project.run('graph', 'variants.yaml');
    expect(stdout).toContain('n0 -->|"(*)"| n1\n');
  });

  it('is DOT of every cell, coloured by the plan', async () => {
    const dot = await graph('--format', 'dot', '--cells', '--plan');
    expect(dot).toMatch(/^digraph "sums" \{\n/);
    expect(dot.match(/^ {2}n\d+ \[label=/gm)).toHaveLength(9);
    expect(dot).toContain('[label="one/kind-of=a,value=1\\ntest/sum", fillcolor="#fdebd9"');
    expect(dot).toContain('[style=dashed];');
  });

  it('is one SVG or page that needs no other file, light and dark', async () => {
    await graph('--plan', '-o', 'g.html');
    await graph('-o', 'g.svg');
    const [html, svg] = ['g.html', 'g.svg'].map((name) => readFileSync(join(project.folder, name), 'utf8'));
    for (const page of [html, svg]) {
      expect(page).toContain('prefers-color-scheme:dark');
      expect(page?.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|src=|@import/);
      expect(page?.match(/class="moft-title"/g)).toHaveLength(3);
      expect(page?.match(/class="moft-edge/g)).toHaveLength(3);
    }
    expect(html).toContain('>runs</text>');
    expect(svg).toContain('\u00d72 (value)');
    // Every box lies inside the picture.
    const [, width = '0', height = '0'] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg ?? '') ?? [];
    const boxes = [
      ...(svg ?? '').matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g),
    ];
    expect(boxes).toHaveLength(3);
    for (const [, x, y, w, h] of boxes) {
      expect(Number(x) + Number(w)).toBeLessThanOrEqual(Number(width));
      expect(Number(y) + Number(h)).toBeLessThanOrEqual(Number(height));
    }
  });

  it('gives the ids of cells room, also where the face is a wide one', async () => {
    const { stdout } = await project.run('graph', 'p.yaml', '--cells', '--format', 'svg');
    const widths = [...stdout.matchAll(/<rect x="[\d.-]+" y="[\d.-]+" width="([\d.]+)" [^>]*rx="7"/g)];
    const titles = [...stdout.matchAll(/<text class="moft-title"[^>]*>([^<]*)</g)];
    expect(titles.length).toBeGreaterThan(3);
    expect(widths).toHaveLength(titles.length);
    const long = 8.1; // of 13 pixels, on average, in ids of DejaVu Sans Bold as Chromium measures them
    for (const [index, [, title = '']] of titles.entries())
      expect(Number(widths[index]?.[1])).toBeGreaterThan(title.length * long + 20);
  });

  it('gives wide letters more room: 64 of 14.3 pixels overflowed their box', () => {
    const title = 'MW'.repeat(32);
    const { nodes } = placeGraph({ name: 'wide', nodes: [{ id: 'a', title, kind: 'clp' }], edges: [] });
    expect(nodes[0]?.box.width).toBeGreaterThan(64 * 14.3);
  });

  it('takes no ending that names no format', async () => {
    const { code, stderr } = await project.run('graph', 'p.yaml', '-o', 'g.png');
    expect(code).toBe(2);
    expect(stderr).toContain('the endings are .mmd');
    expect(existsSync(join(project.folder, 'g.png'))).toBe(false);
  });

  it('refuses another format, and a folder that is not there', async () => {
    const format = await project.run('graph', 'p.yaml', '--format', 'pdf');
    expect(format).toMatchObject({ code: 2 });
    expect(format.stderr).toContain('the formats are mermaid, dot, svg, html');
    const out = await project.run('graph', 'p.yaml', '-o', 'none/g.svg');
    expect(out).toMatchObject({ code: 2 });
    expect(out.stderr).toContain("the graph can't be written to");
  });
});
