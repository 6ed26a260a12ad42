import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { goProgram } from '../counterparts/install.ts';
import { KUBERNETES, kubernetesSchemas } from './schemas.ts';

const run = promisify(execFile);

export const KUBERNETES_FOLDER = join(import.meta.dirname, '../../examples/kubernetes');
const CHART = join(KUBERNETES_FOLDER, 'chart');

/** An object of Kubernetes. */
// biome-ignore lint/suspicious/noExplicitAny: of any shape; kubeconform has seen it
export type Manifest = { kind: string; metadata: any; spec: any; data: any };

export type Values = Readonly<Record<string, unknown>>;

/** Helm and kubeconform, built once, with the schemas of Kubernetes. */
export async function chartTools() {
  const helm = await goProgram('helm.sh/helm/v4/cmd/helm', 'v4.3.1');
  const kubeconform = await goProgram('github.com/yannh/kubeconform/cmd/kubeconform', 'v0.8.0');
  const schemas = await kubernetesSchemas();
  // Helm reads what its user has set
  const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent' };

  const template = async (release: string, args: readonly string[], values: Values = {}): Promise<string> => {
    const child = run(helm, ['template', release, CHART, '--namespace', 'ai', '--values', '-', ...args], {
      env,
    });
    child.child.stdin?.end(stringify(values));
    return (await child).stdout;
  };

  return {
    /** The text of the manifests. */
    template,
    /** The manifests of a release `bridge`. */
    async render(values: Values): Promise<readonly Manifest[]> {
      return manifests(await template('bridge', [], values));
    },
    /** Helm's words about values that it refuses; the empty text if it takes them. */
    refusal(values: Values): Promise<string> {
      return template('bridge', [], values).then(
        () => '',
        ({ stderr }: { stderr: string }) => stderr,
      );
    },
    /** The mistakes that kubeconform finds, for each of {@link KUBERNETES}. */
    async mistakes(yaml: string): Promise<readonly string[]> {
      const found: string[] = [];
      for (const version of KUBERNETES) {
        const location = `${schemas}/${version}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
        const child = run(kubeconform, ['-strict', '-output', 'json', '-schema-location', location], { env });
        child.child.stdin?.end(yaml);
        const { stdout } = await child.catch((failed: { stdout: string }) => failed);
        const { resources } = JSON.parse(stdout) as { resources?: { kind: string; msg: string }[] };
        found.push(...(resources ?? []).map(({ kind, msg }) => `${version} ${kind}: ${msg}`));
      }
      return found;
    },
    async lint(values: Values): Promise<string> {
      const child = run(helm, ['lint', '--strict', CHART, '--values', '-'], { env });
      child.child.stdin?.end(stringify(values));
      return (await child).stdout;
    },
  };
}

/** The objects of a text with manifests. */
export function manifests(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const value = (document as { toJS(): Manifest | null }).toJS();
    return value === null ? [] : [value];
  });
}
