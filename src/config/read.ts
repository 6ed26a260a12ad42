import * as v from 'valibot';

/** The environment as the process has it: every value a text. */
export type Env = Readonly<Record<string, string | undefined>>;

type Schemas = Readonly<Record<string, v.GenericSchema<string, unknown>>>;

/** The variables that are set, by their schemas; what is wrong with the others goes to `problems`, without the value. */
export function read<V extends Schemas>(
  variables: V,
  env: Env,
  problems: string[],
): { [Name in keyof V]?: v.InferOutput<V[Name]> } {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(variables)) {
    const text = variable(env, name);
    if (text === undefined) continue;
    const parsed = v.safeParse(schema, text);
    if (parsed.success) values[name] = parsed.output;
    else problems.push(`${name}: ${parsed.issues[0].message}`);
  }
  return values as { [Name in keyof V]?: v.InferOutput<V[Name]> };
}

/** A variable set to nothing counts as not set, as compose files write it. */
export function variable(env: Env, name: string): string | undefined {
  const text = env[name]?.trim();
  return text === '' ? undefined : text;
}
