import { stringify } from 'yaml';

/** An option of a kind as people read it. */
export type KindOption = {
  /** `redaction.marker_format`, `roles.<name>.allowed_models`, `assignments[].role`. */
  readonly name: string;
  /** `block | redact`, `a list of texts`, `a whole number from 1 on`. */
  readonly values: string;
  /** As YAML writes it; undefined where there is none. */
  readonly default?: string;
};

/** The parts of valibot's schemas that tell what may stand somewhere. */
type Schema = {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly value?: Schema;
  readonly wrapped?: Schema;
  readonly default?: unknown;
  readonly options?: readonly unknown[];
  readonly pipe?: readonly (Schema & { readonly requirement?: unknown })[];
  readonly metadata?: { readonly default?: unknown };
};

/** The options of a schema, those within others too. */
export function optionsOf(schema: unknown, prefix = ''): KindOption[] {
  const { entries = {} } = schema as Schema;
  return Object.entries(entries).flatMap(([key, entry]) => optionOf(entry, prefix + key));
}

function optionOf(entry: Schema, name: string): KindOption[] {
  const standard = defaultOf(entry);
  const inner = unwrapped(entry);
  if (inner.entries !== undefined) return optionsOf(inner, `${name}.`);
  const value = inner.type === 'record' && inner.value ? unwrapped(inner.value) : undefined;
  if (value?.entries !== undefined) return optionsOf(value, `${name}.<name>.`);
  const item = inner.type === 'array' && inner.item ? unwrapped(inner.item) : undefined;
  if (item?.entries !== undefined) return optionsOf(item, `${name}[].`);
  return [{ name, values: valuesOf(inner), ...(standard !== undefined && { default: standard }) }];
}

/** The steps of a pipe, those of pipes within it too. */
function stepsOf(schema: Schema): readonly (Schema & { readonly requirement?: unknown })[] {
  const { pipe = [] } = schema;
  return pipe.flatMap((step) => (step.pipe === undefined || step.pipe === pipe ? step : stepsOf(step)));
}

/** The default of an option, or the one that is told of it; none for what is empty without it. */
function defaultOf(schema: Schema): string | undefined {
  const told = schema.pipe?.find(({ type }) => type === 'metadata')?.metadata?.default;
  if (typeof told === 'string') return told;
  const value = told ?? schema.default;
  const isEmpty = value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  return isEmpty ? undefined : stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

/** A schema without what makes it optional, and without its checks, which {@link valuesOf} reads of numbers. */
function unwrapped(schema: Schema): Schema {
  if (schema.wrapped !== undefined) return unwrapped(schema.wrapped);
  const [first] = schema.pipe ?? [];
  return first !== undefined && first !== schema && first.entries !== undefined ? unwrapped(first) : schema;
}

function valuesOf(schema: Schema): string {
  const { type, options = [], item, value, wrapped } = schema;
  switch (type) {
    case 'optional':
      return wrapped === undefined ? 'anything' : valuesOf(wrapped);
    case 'picklist':
      return options.join(' | ');
    case 'boolean':
      return 'true | false';
    case 'number':
      return numberOf(schema);
    case 'string':
      return 'a text';
    case 'array':
      return item === undefined ? 'a list' : `a list: ${valuesOf(unwrapped(item))}`;
    case 'record':
      return value === undefined ? 'a mapping' : `<name>: ${valuesOf(unwrapped(value))}`;
    case 'union':
      return options.map((option) => valuesOf(unwrapped(option as Schema))).join(' or ');
    case 'strict_object':
      return `{ ${Object.keys(schema.entries ?? {}).join(', ')} }`;
    default:
      return 'anything';
  }
}

/** `a whole number, 1 to 36500`. */
function numberOf(schema: Schema): string {
  const pipe = stepsOf(schema);
  const bound = (type: string) => pipe.find((step) => step.type === type)?.requirement;
  const whole = pipe.some(({ type }) => type === 'integer' || type === 'safe_integer') ? 'whole ' : '';
  const [min, max] = [bound('min_value'), bound('max_value')];
  if (min === max) return `a ${whole}number`;
  if (min === undefined) return `a ${whole}number, ${max} at most`;
  return `a ${whole}number, ${max === undefined ? `${min} or more` : `${min} to ${max}`}`;
}
