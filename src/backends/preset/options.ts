import * as v from 'valibot';
import type { Preset, PresetOption } from './shape.ts';

/** The option that a whole text is a placeholder of: `$options.guard` is `guard`. */
export function optionNamed(text: string): string | undefined {
  return /^\$options\.([a-z][a-z0-9_]*)$/.exec(text)?.[1];
}

/** The keys that a preset adds to its entry of the policy file. */
export function optionEntries({ options, judges, reads }: Preset): v.ObjectEntries {
  const entries = Object.fromEntries(
    Object.entries(options).map(([name, option]) => {
      const schema = v.pipe(schemaOf(option), v.description(option.about));
      if (option.default !== undefined) return [name, v.optional(schema, option.default as never)];
      return [name, option.required ? schema : v.optional(schema)];
    }),
  );
  // As the adapters have it: without it images are counted as unjudged
  const showsImages = reads === 'texts' && judges.includes('media');
  return showsImages
    ? { ...entries, media: v.pipe(v.optional(v.boolean(), true), v.description('Images are judged too.')) }
    : entries;
}

/** As `backend init` prints what is to be filled in. */
const filled = v.pipe(
  v.string(),
  v.nonEmpty(),
  v.check((text) => text !== '…', 'is to be filled in'),
);

function schemaOf(option: PresetOption): v.GenericSchema {
  switch (option.type) {
    case 'text':
      return option.choices === undefined ? filled : v.picklist(option.choices);
    case 'path':
      return filled;
    case 'number':
      return v.pipe(
        v.number(),
        v.minValue(option.min ?? Number.NEGATIVE_INFINITY),
        v.maxValue(option.max ?? Number.POSITIVE_INFINITY),
      );
    case 'boolean':
      return v.boolean();
    case 'texts':
      return v.array(v.pipe(v.string(), v.nonEmpty()));
    case 'numbers':
      return v.record(option.choices === undefined ? v.string() : v.picklist(option.choices), v.number());
    case 'any':
      return v.unknown();
  }
}
