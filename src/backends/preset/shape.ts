import * as v from 'valibot';

/** A JSON pointer, or some of which the first that leads to something counts. */
const pointer = v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))]);
const words = v.array(v.string());
const scalar = v.union([v.string(), v.number(), v.boolean(), v.null()]);
const expected = v.union([scalar, v.pipe(v.array(scalar), v.minLength(1))]);

/** Pointers and what stands there, all of which must hold; `if` and `unless` name options. */
const condition = v.record(v.string(), expected);
const conditions = v.pipe(v.array(condition), v.minLength(1));

/** A number, an option that holds one or some by name, or a list of these. */
const limit = v.union([v.number(), v.string()]);
const threshold = v.union([limit, v.pipe(v.array(limit), v.minLength(1))]);
const names = v.union([words, v.string()]);

const Finding = v.strictObject({
  at: v.string(),
  name: v.optional(v.string()),
  value: v.optional(v.string()),
  is: v.optional(expected),
  above: v.optional(threshold),
  at_least: v.optional(threshold),
  except: v.optional(v.string()),
  blocks: v.optional(v.boolean(), false),
});

const Spans = v.strictObject({
  at: v.string(),
  start: v.string(),
  end: v.string(),
  end_is: v.optional(v.string(), 'exclusive'),
  unit: v.optional(v.picklist(['code_points', 'utf16']), 'code_points'),
  text: v.optional(v.string()),
  found: v.optional(v.string()),
  label: v.optional(v.string()),
  marker: v.optional(v.string(), '[REDACTED]'),
});

const Redact = v.strictObject({
  when: v.optional(conditions),
  instead_of_block: v.optional(v.strictObject({ categories: v.optional(names), if: v.optional(v.string()) })),
  text: v.optional(pointer),
  texts: v.optional(pointer),
  spans: v.optional(Spans),
});

const REPLY = {
  guardrail_response: v.optional(v.boolean()),
  statuses: v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)))),
  failure: v.optional(conditions),
  block: v.optional(conditions),
  allow: conditions,
  reason: v.optional(pointer),
  categories: v.optional(v.array(Finding)),
  redact: v.optional(v.nullable(Redact)),
};
const Reply = v.strictObject(REPLY);
const { allow, ...others } = REPLY;
/** Parts of a reply that read otherwise for one ask. */
const PartOfReply = v.strictObject({ ...others, allow: v.optional(allow) });

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)));
const Limits = v.strictObject({ chars: count, texts: count, documents: count, images: count });

export const CIRCUMSTANCES = ['request', 'response', 'images', 'mcp_tool', 'mcp_result'] as const;

const Ask = v.strictObject({
  when: v.optional(v.array(v.picklist(CIRCUMSTANCES)), []),
  path: v.pipe(v.string(), v.regex(/^(?:\/|$)/, 'must begin with a slash, or be empty for the url itself')),
  root: v.optional(v.string()),
  one_each: v.optional(
    v.record(
      v.string(),
      v.union([
        v.picklist(['texts', 'documents']),
        v.pipe(v.string(), v.regex(/^\$options\.\w+$/, 'must be texts, documents or an option')),
      ]),
    ),
  ),
  limits: v.optional(Limits),
  reply: v.optional(PartOfReply),
  body: v.unknown(),
});

const about = v.pipe(v.string(), v.nonEmpty());
const common = { about, required: v.optional(v.boolean(), false) };
const Option = v.variant('type', [
  v.strictObject({
    ...common,
    type: v.literal('text'),
    choices: v.optional(v.pipe(words, v.minLength(1))),
    default: v.optional(v.string()),
  }),
  v.strictObject({ ...common, type: v.literal('path'), default: v.optional(v.string()) }),
  v.strictObject({
    ...common,
    type: v.literal('number'),
    min: v.optional(v.number()),
    max: v.optional(v.number()),
    default: v.optional(v.number()),
  }),
  v.strictObject({ ...common, type: v.literal('boolean'), default: v.optional(v.boolean()) }),
  v.strictObject({ ...common, type: v.literal('texts'), default: v.optional(words) }),
  v.strictObject({
    ...common,
    type: v.literal('numbers'),
    choices: v.optional(v.pipe(words, v.minLength(1))),
    default: v.optional(v.record(v.string(), v.number())),
  }),
  v.strictObject({ ...common, type: v.literal('any'), default: v.optional(v.unknown()) }),
]);

const AUTHORS = ['user', 'operator', 'model', 'tool'] as const;

/** The form of a preset, as its guide describes it. */
export const PresetForm = v.strictObject({
  title: v.pipe(v.string(), v.nonEmpty()),
  see: v.optional(v.string()),
  url: v.optional(v.string()),
  secret: v.optional(v.picklist(['required', 'optional', 'none']), 'optional'),
  variables: v.optional(v.strictObject({ url: v.optional(words), secret: v.optional(words) }), {}),
  judges: v.pipe(v.array(v.picklist(['request', 'response', 'media'])), v.minLength(1)),
  reads: v.picklist(['texts', 'conversation']),
  idempotent: v.optional(v.boolean(), true),
  options: v.optional(v.record(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]*$/)), Option), {}),
  limits: v.optional(Limits, {}),
  authors: v.optional(v.pipe(v.array(v.picklist(AUTHORS)), v.minLength(1)), [...AUTHORS]),
  documents: v.optional(v.array(v.picklist(AUTHORS)), []),
  roles: v.optional(words),
  headers: v.optional(v.record(v.pipe(v.string(), v.regex(/^[\w-]+$/)), v.string()), {}),
  signature: v.optional(
    v.strictObject({
      algorithm: v.optional(v.picklist(['sha256', 'sha512']), 'sha256'),
      over: v.optional(v.string(), '$body'),
      headers: v.record(v.pipe(v.string(), v.regex(/^[\w-]+$/)), v.string()),
    }),
  ),
  asks: v.pipe(v.array(Ask), v.minLength(1)),
  reply: Reply,
});

/** A vendor as its preset describes it: plain data. */
export type Preset = v.InferOutput<typeof PresetForm>;
export type PresetAsk = Preset['asks'][number];
export type PresetReply = Preset['reply'];
export type PresetOption = Preset['options'][string];
export type PresetLimits = Preset['limits'];
export type Circumstance = (typeof CIRCUMSTANCES)[number];
export type Condition = v.InferOutput<typeof condition>;
export type FindingForm = v.InferOutput<typeof Finding>;
export type RedactForm = v.InferOutput<typeof Redact>;
export type SpansForm = v.InferOutput<typeof Spans>;
export type Threshold = v.InferOutput<typeof threshold>;
/** Values of the options of a preset. */
export type OptionValues = Readonly<Record<string, unknown>>;
