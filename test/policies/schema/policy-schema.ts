import * as v from 'valibot';
import { parse } from 'yaml';
import type { Backend } from '../../../src/backends/backend.ts';
import { kindsOfBackends } from '../../../src/backends/index.ts';
import { PresetForm } from '../../../src/backends/preset/shape.ts';
import { isShippedPreset, presetText } from '../../../src/backends/preset/shipped.ts';
import { COMMON, RECORDING } from '../../../src/config/common-keys.ts';
import { RuleForm } from '../../../src/policies/file/caller-rules.ts';
import { ENFORCEMENT } from '../../../src/policies/file/enforcement.ts';
import { SingleForm, WholeForm } from '../../../src/policies/file/form.ts';
import { OTHER_KEYS, OTHER_KINDS, SINGLE_KINDS } from '../../../src/policies/file/keeptrusts.ts';
import { ORCHESTRATION } from '../../../src/policies/file/orchestration.ts';
import { kinds } from '../../../src/policies/kinds/index.ts';
import type { Kind } from '../../../src/policies/policy.ts';
import { byWord, formSchema, type JsonSchema } from './form-schema.ts';

const GATEWAY = 'Of a gateway of Keeptrusts: read over, and without effect here.';
const ref = (name: string): JsonSchema => ({ $ref: `#/definitions/${name}` });

/** The JSON Schema of a policy file, of the forms that `policy lint` reads it by. */
export function policySchema(): JsonSchema {
  const single = Object.fromEntries(SINGLE_KINDS.map((kind) => [kind, singleSchema(kind)]));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Policy file of guardrail-bridge',
    description: 'Who is judged by which policies and vendors: POLICY_FILE names the file.',
    type: 'object',
    minProperties: 1,
    ...choose(
      { required: ['policies'] },
      ref('whole'),
      choose(
        { properties: { backends: { type: 'array' } }, required: ['backends'] },
        // Policies can be left out
        ref('vendors'),
        choose(
          {
            properties: { policy: { properties: { name: { type: 'string' } }, required: ['name'] } },
            required: ['policy'],
          },
          ref('single'),
          ref('whole'),
        ),
      ),
    ),
    definitions: {
      whole: wholeSchema(['policies']),
      vendors: wholeSchema([]),
      single: {
        type: 'object',
        properties: { policy: formSchema(SingleForm).properties?.policy ?? {} },
        allOf: SINGLE_KINDS.map((kind) => ({
          if: { properties: { policy: { properties: { name: { const: kind } } } } },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: ref(`single-${kind}`),
        })),
      },
      ...Object.fromEntries(Object.entries(single).map(([kind, one]) => [`single-${kind}`, one])),
      kind: kindNames(),
      options: optionsSchema(),
      rule: ruleSchema(),
      backend: backendSchema(),
      ...Object.fromEntries(kindsOfBackends.names.map((kind) => [`backend-${kind}`, vendorSchema(kind)])),
      'backend-keys': formSchema(v.object({ ...COMMON, ...RECORDING })),
      enforcement: formSchema(v.object(ENFORCEMENT)),
      preset: formSchema(PresetForm),
      ...Object.fromEntries(kinds.map((kind) => [kind.kind, kindSchema(kind)])),
    },
  };
}

/** References to the keys of a definition. */
function keysOf(definition: string, keys: object): Record<string, JsonSchema> {
  return Object.fromEntries(Object.keys(keys).map((key) => [key, ref(`${definition}/properties/${key}`)]));
}

function choose(condition: JsonSchema, yes: JsonSchema, no: JsonSchema): JsonSchema {
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  return { if: condition, then: yes, else: no };
}

/** Keys of the top that both forms of a file have. */
function topKeys(): Record<string, JsonSchema> {
  const { pack = {} } = formSchema(WholeForm).properties ?? {};
  const gateway = Object.fromEntries(OTHER_KEYS.map((key) => [key, { description: GATEWAY }]));
  const { orchestration = {}, on_error = {} } = formSchema(v.object(ORCHESTRATION)).properties ?? {};
  return {
    pack,
    rules: {
      type: ['array', 'null'],
      description:
        'For some callers; the first rule that matches decides, and what it leaves out is as for everybody.',
      items: ref('rule'),
      maxItems: 1000,
    },
    backends: {
      type: ['array', 'null'],
      description: 'Vendors, beside those that the environment sets up.',
      items: ref('backend'),
      maxItems: 1000,
    },
    orchestration,
    on_error,
    ...gateway,
  };
}

function wholeSchema(required: readonly string[]): JsonSchema {
  const options = { ...ref('options') };
  return {
    type: 'object',
    properties: {
      ...topKeys(),
      policies: {
        type: 'object',
        description: 'The policies that judge calls.',
        properties: {
          chain: chainOf(
            'Policies for everybody to whom no rule applies, by kind. All of them judge every call, and one block is enough.',
          ),
          policy: options,
        },
        required: ['chain'],
        additionalProperties: false,
      },
      policy: options,
    },
    required: [...required],
    additionalProperties: false,
  };
}

const chainOf = (description: string): JsonSchema => ({
  type: 'array',
  description,
  items: ref('kind'),
  uniqueItems: true,
});

function kindNames(): JsonSchema {
  return {
    anyOf: [
      {
        type: 'string',
        enum: kinds.map(({ kind }) => kind),
        enumDescriptions: kinds.map(({ about, judges }) => `${about}; judges ${judges}`),
      },
      { type: 'string', pattern: `^(?:${[...OTHER_KINDS].join('|')})$` },
    ],
  };
}

/** The options of all kinds, by kind. */
function optionsSchema(): JsonSchema {
  return {
    type: ['object', 'null'],
    description: 'Options by kind. A kind that is in no chain does nothing.',
    properties: Object.fromEntries(kinds.map(({ kind }) => [kind, ref(kind)])),
    patternProperties: { [`^(?:${[...OTHER_KINDS].join('|')})$`]: { description: GATEWAY } },
    additionalProperties: false,
  };
}

const MODE_FIRST = 'needs mode: sample beside it';

/** The rules between `mode`, `sample` and `until`, which `readEnforcement` checks. */
const ENFORCED: readonly JsonSchema[] = [
  choose(
    { properties: { mode: { type: 'null' } } },
    {
      properties: {
        sample: { type: 'null', errorMessage: MODE_FIRST },
        until: { type: 'null', errorMessage: 'needs mode: observe or mode: sample beside it' },
      },
    },
    choose(
      { properties: { mode: { const: 'sample' } } },
      {
        properties: {
          sample: { type: 'number', errorMessage: 'is missing; mode: sample needs a percentage' },
        },
        required: ['sample'],
      },
      {},
    ),
  ),
];

function kindSchema({ kind, about, judges, options, example }: Kind): JsonSchema {
  const form = formSchema(options);
  return {
    ...form,
    title: kind,
    description: `${about.charAt(0).toUpperCase()}${about.slice(1)}. It judges ${judges}.`,
    type: ['object', 'null'],
    properties: { ...form.properties, ...keysOf('enforcement', ENFORCEMENT) },
    allOf: [...(form.allOf ?? []), ...ENFORCED],
    examples: [parse(example)],
  };
}

/** The top of a file of a single policy of a kind: its options stand beside the other keys. */
function singleSchema(kind: string): JsonSchema {
  const definition = kinds.find((one) => one.kind === kind);
  const { policy = {} } = formSchema(SingleForm).properties ?? {};
  const top = { ...topKeys(), policy };
  if (definition === undefined) return { properties: top };
  const { title: _, description: __, examples: ___, ...own } = kindSchema(definition);
  return { ...own, type: 'object', properties: { ...own.properties, ...top } };
}

function ruleSchema(): JsonSchema {
  const form = formSchema(RuleForm);
  const { chain: _, caller_may_skip: __, ...others } = form.properties ?? {};
  return {
    ...form,
    properties: {
      ...others,
      chain: chainOf('Policies in place of the common chain, by kind.'),
      ...keysOf('enforcement', ENFORCEMENT),
      caller_may_skip: chainOf('Policies that the caller may switch off by a header, by kind.'),
    },
    allOf: [...ENFORCED],
  };
}

function backendSchema(): JsonSchema {
  return byWord(
    'kind',
    kindsOfBackends.names.map((kind) => [kind, ref(`backend-${kind}`)]),
    {
      type: 'string',
      description: 'The vendor.',
      enum: [...kindsOfBackends.names],
      enumDescriptions: kindsOfBackends.names.map(titleOf),
    },
  );
}

function titleOf(kind: string): string {
  if (kind === 'http') return 'any vendor, by a preset of your own';
  return isShippedPreset(kind) ? String((parse(presetText(kind)) as { title: string }).title) : '';
}

/** An entry of `backends:` of one kind. */
function vendorSchema(kind: string): JsonSchema {
  const backend = kindsOfBackends.find(kind) as Backend;
  const common = backend.telemetry === undefined ? COMMON : { ...COMMON, ...RECORDING };
  const form = formSchema(v.strictObject({ ...common, ...backend.options }));
  const properties: Record<string, JsonSchema> = {
    ...form.properties,
    ...keysOf('backend-keys', common),
    kind: { const: kind },
  };
  const hasAddress = backend.defaultUrl !== undefined || (backend.variables?.url?.length ?? 0) > 0;
  const required = [...(form.required ?? []), ...(hasAddress ? [] : ['url'])];
  if (kind !== 'http') return { ...form, title: kind, properties, required };
  properties.preset = choose(
    { properties: { file: { type: 'string' } }, required: ['file'], maxProperties: 1 },
    { type: 'object' },
    ref('preset'),
  );
  const { additionalProperties: _, ...open } = form;
  return {
    ...open,
    title: kind,
    properties,
    required: [...new Set([...required.filter((key) => key !== 'url'), 'preset'])],
    // The options that the preset has
    patternProperties: { '^[a-z][a-z0-9_]*$': {} },
    additionalProperties: false,
  };
}
