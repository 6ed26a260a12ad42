import * as v from 'valibot';
import { stringify } from 'yaml';
import type { Backend, BackendKinds } from '../backends/backend.ts';
import { isShippedPreset, presetText } from '../backends/preset/shipped.ts';
import { unknownKind } from '../policies/file/nearest.ts';

/** Rows of `backend list`: kind, form, default address, options. */
export function kindRows(kinds: BackendKinds): string[][] {
  return kinds.names.flatMap((kind) => {
    const backend = kinds.find(kind);
    if (backend === undefined) return [];
    const form = isShippedPreset(kind) ? 'preset' : 'adapter';
    const options = Object.keys(backend.options).map((name) =>
      isRequired(backend, name) ? `${name}*` : name,
    );
    return [
      [kind, kind === 'http' ? 'any preset' : form, addressOf(backend) ?? '-', options.join(' ') || '-'],
    ];
  });
}

/** The text of `backend init`. @throws Error that an operator can read */
export function entryText(kind: string, kinds: BackendKinds): string {
  const backend = kinds.find(kind);
  if (backend === undefined) throw new Error(unknownKind(kind, 'is no kind of backend', kinds.names));
  if (kind === 'http') return presetText('http');
  const entry = entryOf(backend);
  if (!isShippedPreset(kind)) return `backends:\n${entry}`;
  const own = entry.replace(`kind: ${kind}`, `kind: http\n    preset: { file: ${kind}.yaml }`);
  return `${commented(own, kind)}${presetText(kind)}`;
}

function commented(entry: string, kind: string): string {
  const lines = [
    `Kind ${kind} of the policy file is this preset. To use a changed one, save it as ${kind}.yaml beside the policy file:`,
    'backends:',
    ...entry.trimEnd().split('\n'),
  ];
  return lines.map((line) => `# ${line}\n`).join('');
}

/** An entry of the policy file; what may be left out is commented. */
function entryOf(backend: Backend): string {
  const { kind, variables, secret, options } = backend;
  const address = addressOf(backend);
  const [url] = variables?.url ?? [];
  const variable = variables?.secret?.[0] ?? `${kind.toUpperCase().replaceAll('-', '_')}_API_KEY`;
  const lines = [
    `  - name: my-${kind}`,
    `    kind: ${kind}`,
    url === undefined && address === undefined
      ? '    url: https://vendor.example'
      : `    # url: ${address ?? 'https://vendor.example'}${url === undefined ? '' : ` # or ${url} in the environment`}`,
    `    ${secret === 'required' ? '' : '# '}secret: { env: ${variable} }`,
    ...Object.keys(options)
      .filter((name) => name !== 'preset')
      .map((name) => `    ${isRequired(backend, name) ? '' : '# '}${name}: ${defaultOf(backend, name)}`),
    '    # mode: observe',
    '    # timeout: 5',
    '    # unreachable_fallback: fail_open',
  ];
  return `${lines.join('\n')}\n`;
}

/** The vendor's address where it is one, and not made of the options. */
function addressOf({ defaultUrl }: Backend): string | undefined {
  return typeof defaultUrl === 'function' ? 'of the vendor, by the options' : defaultUrl;
}

function isRequired({ options }: Backend, name: string): boolean {
  return !v.safeParse(v.object({ [name]: options[name] as v.GenericSchema }), {}).success;
}

/** The default of an option on one line of YAML; dots where there is none. */
function defaultOf({ options }: Backend, name: string): string {
  const value = v.getDefault(options[name] as v.GenericSchema);
  if (value === undefined || typeof value === 'function') return '…';
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}
