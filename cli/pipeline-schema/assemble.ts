/**
 * The JSON Schema that editors read: the language's own shape, and under `with` what the kind takes that `uses` names.
 * What goes across the file (names of stages, types of artifacts, axes) no schema can say; `moft lsp` does.
 */
import type { KindRegistry, StageKind } from '../../runner/contract.js';
import { formsOf, itemSchema, type JsonSchema } from '../../runner/language/schema.js';
import { AblationSchema, PipelineSchema, StageSchema } from '../../schemas/pipeline.js';
import { definitionOf, withDefinitions, withSchema } from './kind-schema.js';
import { patchSchema } from './patch-schema.js';
import { definitions, mapped, written, type EditorSchema } from './written.js';

type Properties = Readonly<Record<string, EditorSchema>>;

export function pipelineSchema(registry: KindRegistry): EditorSchema {
  const kinds = [...registry.values()];
  const file = shape(PipelineSchema);
  const { stages = {}, ablations = {}, ...others } = file.properties as Properties;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'moft pipeline',
    ...file,
    properties: { ...others, stages: named(stages, 'stage'), ablations: named(ablations, 'ablation') },
    definitions: {
      ...definitions,
      stage: stageSchema(kinds),
      ablation: ablationSchema(kinds),
      patch: patchSchema(kinds),
      ...withDefinitions(kinds),
    },
  };
}

/** The schema as it is published. */
export const schemaText = (registry: KindRegistry): string =>
  `${JSON.stringify(pipelineSchema(registry), undefined, 2)}\n`;

const shape = (schema: object): EditorSchema => written(schema as JsonSchema, 'marked');

/** A map whose values, whatever their names, are as a definition says. */
const named = (map: EditorSchema, definition: string): EditorSchema => ({
  ...map,
  patternProperties: mapped(map.patternProperties as Properties, () => ({
    $ref: `#/definitions/${definition}`,
  })),
});

function stageSchema(kinds: readonly StageKind[]): EditorSchema {
  const stage = shape(StageSchema);
  const { uses = {}, ...others } = stage.properties as Properties;
  const names = {
    enum: kinds.map(({ name }) => name),
    markdownEnumDescriptions: kinds.map(({ description }) => description),
    errorMessage: `Expected the name of a kind: ${kinds.map(({ name }) => `\`${name}\``).join(', ')}.`,
  };
  return {
    title: 'stage',
    ...stage,
    properties: { uses: { ...uses, ...names }, ...others },
    allOf: kinds.map((kind) => ({
      if: { properties: { uses: { const: kind.name } }, required: ['uses'] },
      then: {
        properties: { with: { $ref: `#/definitions/${definitionOf(kind)}` } },
        ...('required' in withSchema(kind) ? { required: ['with'] } : {}),
      },
    })),
  };
}

function ablationSchema(kinds: readonly StageKind[]): EditorSchema {
  const ablation = shape(AblationSchema);
  const { one_at_a_time = {}, leave_one_out = {}, ...others } = ablation.properties as Properties;
  const lists = [...new Set(kinds.flatMap(settingsOfNames))];
  const names = lists.length === 0 ? {} : { items: { enum: lists } };
  return {
    title: 'ablation',
    ...ablation,
    properties: {
      one_at_a_time: named(one_at_a_time, 'patch'),
      leave_one_out: { ...leave_one_out, ...names },
      ...others,
    },
  };
}

/** Settings of a kind that hold a list of names: what one can be left out of. */
const settingsOfNames = ({ with: { properties } }: StageKind): readonly string[] =>
  Object.entries(properties as unknown as Readonly<Record<string, JsonSchema>>).flatMap(([name, schema]) =>
    formsOf(schema).some((form) => form.type === 'array' && itemSchema(form, 0)?.type === 'string')
      ? [name]
      : [],
  );
