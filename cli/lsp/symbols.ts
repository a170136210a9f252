/** The outline of a file as an editor's tree: its params, and its stages with their axes. */
import { SymbolKind, type DocumentSymbol } from 'vscode-languageserver/node';
import type { Outline, StageOutline } from '../../runner/language/index.js';
import { toRange } from './convert.js';

export function symbolsOf({ params, stages }: Outline): DocumentSymbol[] {
  return [
    ...params.map(({ name, place }) => leaf(name, SymbolKind.Constant, place, 'param')),
    ...stages.map((stage) => ({
      ...leaf(stage.name, SymbolKind.Class, stage.place, stage.kind?.name ?? ''),
      range: toRange(stage.body),
      children: stage.ownAxes.map(({ name, place }) =>
        leaf(name, SymbolKind.Enum, place, (stage.axes[name] ?? []).join(', ')),
      ),
    })),
  ];
}

function leaf(name: string, kind: SymbolKind, place: StageOutline['place'], detail: string): DocumentSymbol {
  return {
    name: name === '' ? '?' : name,
    kind,
    detail,
    range: toRange(place),
    selectionRange: toRange(place),
  };
}
