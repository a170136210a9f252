/** Colours of the picture, on paper and on a dark screen; told apart also by those who see no red or green. */
import type { NodeStatus } from './model.js';

interface Paint {
  readonly fill: string;
  readonly stroke: string;
}

export type Palette = Readonly<Record<NodeStatus, Paint>> &
  Readonly<Record<'text' | 'muted' | 'line' | 'paper', string>> & { readonly plain: Paint };

export const light: Palette = {
  text: '#1f2328',
  muted: '#57606a',
  line: '#8c959f',
  paper: '#ffffff',
  plain: { fill: '#f6f8fa', stroke: '#8c959f' },
  hit: { fill: '#e3f2ec', stroke: '#1b7f5c' },
  run: { fill: '#fdebd9', stroke: '#c4560b' },
  depends: { fill: '#e6ecfb', stroke: '#3b5fc0' },
  mixed: { fill: '#f3e8f7', stroke: '#8a4ba3' },
};

export const dark: Palette = {
  text: '#e6edf3',
  muted: '#9da7b1',
  line: '#768390',
  paper: '#0d1117',
  plain: { fill: '#1c2128', stroke: '#768390' },
  hit: { fill: '#12352a', stroke: '#4cc38a' },
  run: { fill: '#40260f', stroke: '#f0883e' },
  depends: { fill: '#172a52', stroke: '#7aa2f7' },
  mixed: { fill: '#351f40', stroke: '#c792ea' },
};
