import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';

/** A JSON Schema of draft 7, and the words for editors that yaml-language-server knows besides. */
export type JsonSchema = {
  [keyword: string]: unknown;
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
};

type Form = {
  readonly type: string;
  readonly getter?: (value: unknown) => v.GenericSchema;
  readonly key?: { readonly type: string; readonly options?: readonly string[] };
  readonly value?: v.GenericSchema;
};

/** The JSON Schema of a form: of what it takes, not of what it makes of that. */
export function formSchema(form: v.GenericSchema): JsonSchema {
  const {
    $schema: _,
    $defs: __,
    ...schema
  } = toJsonSchema(form as never, {
    typeMode: 'input',
    target: 'draft-07',
    // Checks in code, of which the keywords stand in metadata where there are some, and what happens to a value afterwards
    errorMode: 'ignore',
    overrideAction: ({ valibotAction, jsonSchema }) => {
      const { type, message } = valibotAction as { type: string; message?: unknown };
      if (type === 'regex' && typeof message === 'string')
        return { ...jsonSchema, patternErrorMessage: message } as never;
      return undefined;
    },
    overrideSchema: ({ valibotSchema, jsonSchema }) =>
      overridden(valibotSchema as Form, jsonSchema as JsonSchema) as never,
  }) as JsonSchema;
  return tidy(schema);
}

function overridden(form: Form, schema: JsonSchema): JsonSchema | undefined {
  const { type, getter, key, value } = form;
  switch (type) {
    case 'nullable':
    case 'nullish': {
      const { anyOf: [inner = {}] = [], ...rest } = schema;
      return { ...orNull(inner), ...rest };
    }
    case 'lazy':
      return merged(
        [[], {}, 0, ''].map((sample) => formSchema((getter as NonNullable<typeof getter>)(sample))),
      );
    case 'record': {
      if (key?.type !== 'picklist') return undefined;
      const one = formSchema(value as v.GenericSchema);
      const properties = Object.fromEntries((key.options ?? []).map((name) => [name, one]));
      return { type: 'object', properties, additionalProperties: false };
    }
    case 'literal': {
      const { const: word, ...rest } = schema;
      return typeof word === 'string' ? { ...rest, type: 'string', enum: [word] } : undefined;
    }
    case 'union':
      return merged(schema.anyOf ?? []);
    case 'variant':
      return byWord(
        'type',
        (schema.oneOf as JsonSchema[]).map((one) => [wordOf(one.properties?.type), one]),
      );
    default:
      return undefined;
  }
}

const wordOf = (schema: JsonSchema | undefined) => String((schema?.enum as string[] | undefined)?.[0]);

/** The same, or nothing. */
function orNull(schema: JsonSchema): JsonSchema {
  const { type, enum: words } = schema;
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  return { ...schema, type: [type, 'null'], ...(Array.isArray(words) && { enum: [...words, null] }) };
}

/**
 * A mapping whose other keys depend on the word under one of them. An editor explains the one that is meant, where `oneOf` would tell of
 * all that it is not.
 */
export function byWord(
  key: string,
  forms: readonly (readonly [word: string, schema: JsonSchema])[],
  word: JsonSchema = { enum: forms.map(([word]) => word) },
): JsonSchema {
  return {
    type: 'object',
    required: [key],
    properties: { [key]: word },
    allOf: forms.map(([word, schema]) => ({
      if: { properties: { [key]: { const: word } }, required: [key] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: schema,
    })),
  };
}

/** Keywords that say something of values of any type. */
const OF_ANY_TYPE = ['enum', 'const', 'anyOf', 'allOf', 'oneOf', 'not', '$ref', 'if'];

/** One schema for several, where the type of a value tells which of them is meant. */
function merged(schemas: readonly JsonSchema[]): JsonSchema {
  const all = schemas.filter(
    (one, index) => schemas.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)) === index,
  );
  const [only] = all;
  if (all.length === 1 && only !== undefined) return only;
  const objects = all.filter(({ type }) => type === 'object');
  if (
    objects.length === all.length &&
    objects.every(({ additionalProperties }) => additionalProperties === false)
  )
    return oneObject(objects);
  const types = all.flatMap(({ type = [] }) => type);
  const isTold = all.every(({ type }) => type !== undefined) && new Set(types).size === types.length;
  const [words, ...more] = all.filter((one) => !isPlain(one));
  if (!isTold || more.length > 0) return { anyOf: all };
  const one = { ...Object.assign({}, ...all.filter(isPlain)), type: types };
  if (words === undefined) return one;
  if (words.type !== 'string' || words.enum === undefined) return { anyOf: all };
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  return { ...one, examples: words.enum, if: { type: 'string' }, then: { enum: words.enum } };
}

const isPlain = (schema: JsonSchema) => OF_ANY_TYPE.every((keyword) => schema[keyword] === undefined);

/** Mappings that have different keys. */
function oneObject(all: readonly JsonSchema[]): JsonSchema {
  return {
    type: 'object',
    properties: Object.assign({}, ...all.map(({ properties }) => properties)),
    additionalProperties: false,
    oneOf: all.map(({ required }) => ({ required })),
  };
}

/** Without what says nothing: empty lists and defaults, names that are any text. A default in words belongs to the description. */
function tidy(schema: JsonSchema): JsonSchema {
  const { default: said, description, type } = schema;
  const isTold = typeof said === 'string' && type === 'boolean';
  const entries = Object.entries(schema).flatMap(([keyword, value]): [string, unknown][] => {
    switch (keyword) {
      case 'properties': {
        const all = Object.entries(value as Record<string, JsonSchema>);
        return all.length === 0
          ? []
          : [[keyword, Object.fromEntries(all.map(([key, one]) => [key, tidy(one)]))]];
      }
      case 'required':
        return isEmpty(value) ? [] : [[keyword, value]];
      case 'propertyNames':
        return JSON.stringify(value) === '{"type":"string"}' ? [] : [[keyword, value]];
      case 'default':
        return isTold || isEmpty(value) ? [] : [[keyword, value]];
      case 'description':
        return [[keyword, isTold ? `${description} By default ${said}.` : value]];
      case 'enum':
      case 'examples':
        return [[keyword, value]];
      default:
        if (Array.isArray(value)) return [[keyword, value.map(tidyIfSchema)]];
        return [[keyword, tidyIfSchema(value)]];
    }
  });
  return Object.fromEntries(entries);
}

const tidyIfSchema = (value: unknown) =>
  typeof value === 'object' && value !== null ? tidy(value as JsonSchema) : value;

const isEmpty = (value: unknown) =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
