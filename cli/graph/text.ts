/** A graph in the languages of other programs: Mermaid (README files, wikis) and DOT (Graphviz). */
import { nodeStatuses, type Graph, type GraphNode } from './model.js';
import { light } from './colours.js';

const linesOf = ({ title, kind, counts }: GraphNode): readonly string[] =>
  [title, kind, counts ?? ''].filter((line) => line !== '');

/** Ids of nodes that no language takes for a word of its own. */
const numbered = (graph: Graph): ReadonlyMap<string, string> =>
  new Map(graph.nodes.map(({ id }, index) => [id, `n${index}`]));

const mermaidText = (text: string): string =>
  `"${text.replace(/[&"<>#]/g, (character) => `#${character.charCodeAt(0)};`)}"`;

/** `flowchart TD`, as GitHub and GitLab draw it. */
export function toMermaid(graph: Graph): string {
  const ids = numbered(graph);
  const used = nodeStatuses.filter((status) => graph.nodes.some((node) => node.status === status));
  const lines = [
    'flowchart TD',
    ...graph.nodes.map((node) => {
      const text = linesOf(node).map((line) => mermaidText(line).slice(1, -1));
      const status = node.status === undefined ? '' : `:::${node.status}`;
      return `  ${ids.get(node.id) ?? ''}["${text.join('<br/>')}"]${status}`;
    }),
    ...graph.edges.map(({ from, to, label, waits }) => {
      const arrow = waits ? '-.->' : '-->';
      const text = label === undefined ? '' : `|${mermaidText(label)}|`;
      return `  ${ids.get(from) ?? ''} ${arrow}${text} ${ids.get(to) ?? ''}`;
    }),
    ...used.map((status) => {
      const { fill, stroke } = light[status];
      return `  classDef ${status} fill:${fill},stroke:${stroke},color:${light.text}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

const dotText = (lines: readonly string[]): string =>
  `"${lines.map((line) => line.replace(/["\\]/g, '\\$&')).join('\\n')}"`;

/** A digraph for `dot -Tpdf`. */
export function toDot(graph: Graph): string {
  const ids = numbered(graph);
  const lines = [
    `digraph ${dotText([graph.name])} {`,
    '  rankdir=TB;',
    '  node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="Helvetica", fontsize=11];',
    '  edge [fontname="Helvetica", fontsize=10, color="#6b7280"];',
    ...graph.nodes.map((node) => {
      const paint = node.status === undefined ? undefined : light[node.status];
      const colours = paint ? `, fillcolor="${paint.fill}", color="${paint.stroke}"` : '';
      return `  ${ids.get(node.id) ?? ''} [label=${dotText(linesOf(node))}${colours}];`;
    }),
    ...graph.edges.map(({ from, to, label, waits }) => {
      const attributes = [
        ...(label === undefined ? [] : [`label=${dotText([label])}`]),
        ...(waits ? ['style=dashed'] : []),
      ];
      const list = attributes.length === 0 ? '' : ` [${attributes.join(', ')}]`;
      return `  ${ids.get(from) ?? ''} -> ${ids.get(to) ?? ''}${list};`;
    }),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}
