/** Where everything stands, by dagre: layers from the top, few crossings (Sugiyama's method). */
import * as dagre from '@dagrejs/dagre';
import type { Graph, GraphEdge, GraphNode } from './model.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}
export interface PlacedNode extends GraphNode {
  /** The middle of the box, and its size. */
  readonly box: Box;
}
export interface PlacedEdge extends GraphEdge {
  readonly points: readonly Point[];
  /** The middle of the label. */
  readonly at?: Point;
}
export interface Placed {
  readonly name: string;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

/** What is used of dagre's graph; its own types name a package that they do not resolve from here. */
interface Drawn {
  setGraph(options: object): void;
  graph(): { readonly width?: number; readonly height?: number };
  setNode(id: string, size: object): void;
  node(id: string): Box;
  setEdge(from: string, to: string, label: object): void;
  edge(
    from: string,
    to: string,
  ): { readonly points: readonly Point[]; readonly x?: number; readonly y?: number };
}
const { graphlib, layout: layOut } = dagre as unknown as {
  readonly graphlib: { readonly Graph: new () => Drawn };
  readonly layout: (graph: Drawn) => void;
};

/** Pixels of a character of the two sizes of text, as in a wide face (DejaVu Sans Bold: 8.1), so that nothing is cut. */
export const glyph = { title: 8.6, small: 6.4 };

/** M and W, small ones too, take up to 1.7 of what other letters do in a wide face. */
const widthOf = (text: string, pixels: number): number =>
  (text.length + 0.7 * (text.match(/[MWmw@%]/g)?.length ?? 0)) * pixels;

function sizeOf({ title, kind, counts = '' }: GraphNode): { width: number; height: number } {
  const text = Math.max(
    widthOf(title, glyph.title),
    widthOf(kind, glyph.small),
    widthOf(counts, glyph.small),
  );
  return { width: Math.max(96, Math.ceil(text) + 28), height: counts === '' ? 48 : 64 };
}

export function placeGraph(graph: Graph): Placed {
  const drawn = new graphlib.Graph();
  drawn.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 46, marginx: 16, marginy: 16 });
  for (const node of graph.nodes) drawn.setNode(node.id, sizeOf(node));
  for (const { from, to, label } of graph.edges) {
    const size =
      label === undefined ? {} : { width: label.length * glyph.small + 10, height: 18, labelpos: 'c' };
    drawn.setEdge(from, to, size);
  }
  layOut(drawn);
  const { width = 0, height = 0 } = drawn.graph();
  return {
    name: graph.name,
    width: Math.ceil(width),
    height: Math.ceil(height),
    nodes: graph.nodes.map((node) => ({ ...node, box: drawn.node(node.id) })),
    edges: graph.edges.map((edge) => {
      const { points, x, y } = drawn.edge(edge.from, edge.to);
      return { ...edge, points, ...(x === undefined || y === undefined ? {} : { at: { x, y } }) };
    }),
  };
}
