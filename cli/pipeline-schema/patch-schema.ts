/** What a patch of an ablation may change: any setting of any kind, since a schema can't look up the stage's kind. */
import type { StageKind } from '../../runner/contract.js';
import { definitionOf, withSchema } from './kind-schema.js';
import type { EditorSchema } from './written.js';

interface Form {
  readonly pointer: string;
  readonly kinds: string[];
  readonly schema: EditorSchema;
}

export function patchSchema(kinds: readonly StageKind[]): EditorSchema {
  const settings = new Map<string, Map<string, Form>>();
  for (const kind of kinds)
    for (const [name, schema] of Object.entries(
      withSchema(kind).properties as Record<string, EditorSchema>,
    )) {
      const forms = settings.get(name) ?? new Map<string, Form>();
      settings.set(name, forms);
      const text = JSON.stringify(schema);
      const form = forms.get(text) ?? {
        pointer: `#/definitions/${definitionOf(kind)}/properties/${name}`,
        kinds: [],
        schema,
      };
      form.kinds.push(kind.name);
      forms.set(text, form);
    }
  const properties = [...settings].map(
    ([name, forms]) => [name, settingSchema([...forms.values()])] as const,
  );
  return {
    type: 'object',
    title: 'patch',
    description: 'Settings to change under `with`; maps merge key by key, all else is replaced.',
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

function settingSchema(forms: readonly Form[]): EditorSchema {
  const [only] = forms;
  if (forms.length === 1 && only !== undefined) return { $ref: only.pointer };
  const told = forms.map(({ kinds, schema }) => {
    const text = schema.markdownDescription ?? schema.description;
    return `${kinds.map((kind) => `\`${kind}\``).join(', ')}: ${typeof text === 'string' ? text : ''}`;
  });
  return { markdownDescription: told.join('\n\n'), anyOf: forms.map(({ pointer }) => ({ $ref: pointer })) };
}
