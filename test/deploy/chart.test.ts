import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { settingGroups } from '../../src/config/describe.ts';
import { LOGS_PATH } from '../../src/http/app.ts';
import { monitoringFile } from '../support/monitoring.ts';
import { chartTools, KUBERNETES_FOLDER, type Manifest, manifests, type Values } from './chart.ts';

let chart: Awaited<ReturnType<typeof chartTools>>;
beforeAll(async () => {
  chart = await chartTools();
});

const alone = { replicas: 1, secrets: { database: { existingSecret: '' }, state: { existingSecret: '' } } };
const network = {
  enabled: true,
  litellm: { podLabels: { app: 'litellm' }, namespaceLabels: { name: 'gateway' } },
  prometheus: { podLabels: { app: 'prometheus' } },
  database: { cidr: '10.1.2.3/32', port: 6432 },
};
/** Keys of the page, as its values name their Secret. */
const opsKeys = { opsApiKeys: { existingSecret: 'ops' } };

/** Values that matter, and what they ask for, alone and together. */
const cases: readonly { name: string; values: Values }[] = [
  { name: 'the defaults', values: {} },
  { name: 'one bridge without a database', values: alone },
  { name: 'no volumes', values: { data: { kind: 'emptyDir' } } },
  { name: 'a sidecar', values: { shape: 'sidecar' } },
  { name: 'a sidecar without a database', values: { ...alone, shape: 'sidecar', replicas: 2 } },
  { name: 'a sidecar without volumes', values: { shape: 'sidecar', data: { kind: 'emptyDir' } } },
  { name: 'a sidecar behind a network policy', values: { shape: 'sidecar', networkPolicy: network } },
  {
    name: 'a service with everything',
    values: {
      workers: 2,
      settings: { MAX_JSON_NODES: 1_000_000, TELEMETRY_CONTENT: 'none', STREAM_CHECK_GROWTH: 1.5 },
      secrets: { audit: { existingSecret: 'audit' }, vendors: ['akto', 'capsule'] },
      migration: { existingSecret: 'owner' },
      policy: { content: 'pack: default\nnote: "{{ not a template }}"\n', key: 'p.yaml' },
      autoscaling: { enabled: true, backlog: { enabled: true } },
      podDisruptionBudget: { maxUnavailable: '30%' },
      topologySpread: { whenUnsatisfiable: 'DoNotSchedule' },
      networkPolicy: network,
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
      serviceAccountName: 'bridge',
      priorityClassName: 'high',
      imagePullSecrets: [{ name: 'registry' }],
      nodeSelector: { pool: 'ai' },
      tolerations: [{ key: 'ai', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      podLabels: { team: 'ai' },
      podAnnotations: { note: 'one' },
      extraEnv: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
      extraVolumes: [{ name: 'ca', configMap: { name: 'ca' } }],
      extraVolumeMounts: [{ name: 'ca', mountPath: '/ca', readOnly: true }],
    },
  },
  {
    name: 'workers for all cores',
    values: { workers: 'auto', resources: { limits: { cpu: 4, memory: '8Gi' } } },
  },
  {
    name: 'everything off',
    values: {
      ...alone,
      podDisruptionBudget: { enabled: false },
      topologySpread: { enabled: false },
      settings: { TELEMETRY: false },
      data: { kind: 'emptyDir' },
    },
  },
];

const only = (all: readonly Manifest[], kind: string): Manifest => {
  const found = all.filter((one) => one.kind === kind);
  expect(found, kind).toHaveLength(1);
  return found[0] as Manifest;
};
const workloadOf = (all: readonly Manifest[]) =>
  all.find(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment') as Manifest;
const podOf = (all: readonly Manifest[]) => workloadOf(all).spec.template.spec;
const bridgeOf = (all: readonly Manifest[]) => {
  const { containers, initContainers = [] } = podOf(all);
  return [...initContainers, ...containers].find(({ name }) => name === 'guardrail-bridge');
};
type Variable = { name: string; value?: string };
const valuesOf = (env: readonly Variable[]) =>
  Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));

describe.each(cases)('$name', ({ values }) => {
  let all: readonly Manifest[];
  let yaml: string;
  beforeAll(async () => {
    yaml = await chart.template('bridge', [], values);
    all = manifests(yaml);
  });

  test('is taken by Kubernetes, old and new', async () => {
    expect(all.length).toBeGreaterThan(2);
    expect(await chart.mistakes(yaml)).toEqual([]);
  });

  test('runs the bridge without root, without a token and on a root filesystem that nobody can write', () => {
    const pod = podOf(all);
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext.seccompProfile).toEqual({ type: 'RuntimeDefault' });
    expect(bridgeOf(all).securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const { securityContext } of pod.containers) {
      expect(securityContext.allowPrivilegeEscalation).toBe(false);
    }
    expect(JSON.stringify(all)).not.toMatch(/hostNetwork|hostPath|hostPID|privileged|"Role/);
  });

  test('sets nothing but settings of the bridge, each once, and no secret by its value', () => {
    const rows = settingGroups(backends).flatMap(([, group]) => group.map(({ name }) => name));
    const names = bridgeOf(all).env.map(({ name }: Variable) => name);
    const extra = ((values.extraEnv ?? []) as Variable[]).map(({ name }) => name);
    expect(names.filter((name: string) => !rows.includes(name))).toEqual(extra);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, value } of bridgeOf(all).env) {
      const isSecret = ['BRIDGE_API_KEYS', 'DATABASE_URL', 'STATE_KEY', 'AUDIT_KEY'].includes(name);
      expect(value === undefined, name).toBe(isSecret);
    }
  });

  test('is a configuration that the bridge takes without a warning', () => {
    const { env } = bridgeOf(all);
    const secrets = {
      BRIDGE_API_KEYS: 'from-the-secret',
      DATABASE_URL: 'postgres://bridge@postgres/bridge',
      STATE_KEY: '0'.repeat(64),
      AUDIT_KEY: 'a key of the audit log',
    };
    const set = Object.fromEntries(
      env.map(({ name, value }: Variable) => [name, value ?? secrets[name as keyof typeof secrets]]),
    );
    const config = parseConfig(set, backends);
    expect(config.warnings).toEqual([]);
    const { port, host } = config.server;
    const bridge = bridgeOf(all);
    expect(host).toBe('0.0.0.0');
    expect(bridge.ports).toEqual([{ name: 'bridge', containerPort: port }]);
    for (const [probe, path] of [
      ['startupProbe', '/readyz'],
      ['readinessProbe', '/readyz'],
      ['livenessProbe', '/healthz'],
    ]) {
      expect(bridge[probe as string].httpGet).toEqual({ path, port: 'bridge' });
    }
    const { shutdownDelayMs, shutdownTimeoutMs } = config.server;
    const ms = podOf(all).terminationGracePeriodSeconds * 1000;
    expect(ms).toBeGreaterThan(shutdownDelayMs + shutdownTimeoutMs + 5000);
    // What is written lies on the volume, above the size of the outbox
    const [mount] = bridge.volumeMounts;
    expect(config.audit.dir.startsWith(`${mount.mountPath}/`)).toBe(true);
  });

  test('selects its own pods wherever it selects some', () => {
    const { labels } = workloadOf(all).spec.template.metadata;
    const selectors = all.flatMap(({ kind, spec }) => {
      if (kind === 'Service') return [spec.selector];
      if (kind === 'NetworkPolicy') return [spec.podSelector.matchLabels];
      return ['ConfigMap', 'HorizontalPodAutoscaler', 'ServiceMonitor', 'PrometheusRule', 'Job'].includes(
        kind,
      )
        ? []
        : [spec.selector.matchLabels];
    });
    expect(selectors.length).toBeGreaterThan(2);
    for (const selector of selectors) expect(labels).toMatchObject(selector);
  });

  test('is linted without a complaint', async () => {
    expect(await chart.lint(values)).toContain('0 chart(s) failed');
  });
});

describe('shapes', () => {
  test.each([
    { values: {}, kind: 'StatefulSet' },
    { values: { data: { kind: 'emptyDir' } }, kind: 'Deployment' },
    { values: { shape: 'sidecar' }, kind: 'StatefulSet' },
    { values: { shape: 'sidecar', data: { kind: 'emptyDir' } }, kind: 'Deployment' },
  ])('$values is a $kind, with room for the outbox', async ({ values, kind }) => {
    const all = await chart.render(values);
    const { spec } = only(all, kind);
    const volumes = spec.template.spec.volumes ?? [];
    if (kind === 'Deployment') {
      expect(volumes).toContainEqual({ name: 'outbox', emptyDir: { sizeLimit: '2Gi' } });
    } else {
      const [claim] = spec.volumeClaimTemplates;
      expect(claim.metadata.name).toBe('outbox');
      expect(claim.spec.resources.requests.storage).toBe('2Gi');
      expect(all.map(({ metadata }) => metadata.name)).toContain(spec.serviceName);
    }
  });

  test('a sidecar starts before LiteLLM, which asks it within the pod', async () => {
    const all = await chart.render({ shape: 'sidecar', port: 9000 });
    const { initContainers, containers } = podOf(all);
    expect(
      initContainers.map(({ restartPolicy }: Variable & { restartPolicy: string }) => restartPolicy),
    ).toEqual(['Always']);
    const { BRIDGE_URL, BRIDGE_LOGS_URL } = valuesOf(containers[0].env);
    expect(BRIDGE_URL).toBe('http://127.0.0.1:9000');
    expect(BRIDGE_LOGS_URL).toBe(BRIDGE_URL + LOGS_PATH);
    const [service] = all.filter(({ kind }) => kind === 'Service');
    expect(service?.spec.ports).toEqual([{ name: 'litellm', port: 4000, targetPort: 4000 }]);
  });

  test('a service is called by one address, and each of its bridges is known to Prometheus', async () => {
    const all = await chart.render({ serviceMonitor: { enabled: true } });
    const [service, pods] = all.filter(({ kind }) => kind === 'Service');
    expect(service?.spec.ports).toEqual([{ name: 'bridge', port: 8787, targetPort: 8787 }]);
    expect(pods?.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    const monitor = only(all, 'ServiceMonitor').spec;
    expect(pods?.metadata.labels).toMatchObject(monitor.selector.matchLabels);
    expect(service?.metadata.labels).not.toMatchObject(monitor.selector.matchLabels);
    expect(monitor.endpoints[0]).toMatchObject({ port: pods?.spec.ports[0].name, path: '/metrics' });
  });

  test('the alerts are those of examples/monitoring, look for the name of the job, and lead to the runbook', async () => {
    const runbookUrl = 'https://wiki.example/runbook.md';
    const all = await chart.render({
      serviceMonitor: { enabled: true },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' }, runbookUrl },
    });
    const { metadata, spec } = only(all, 'PrometheusRule');
    expect(metadata.labels.release).toBe('prometheus');
    expect(spec).toEqual(
      parseYaml(monitoringFile('alerts.yaml').replaceAll('examples/monitoring/runbook.md', runbookUrl)),
    );
    // The operator names the job by that label of the Service
    const { jobLabel } = only(all, 'ServiceMonitor').spec;
    const pods = all.find((one) => one.kind === 'Service' && one.metadata.name.endsWith('-pods'));
    expect(pods?.metadata.labels[jobLabel]).toMatch(/guardrail-bridge/);
  });

  test('replicas that are scaled have no number of their own, and need a metric for each measure', async () => {
    const all = await chart.render({ autoscaling: { enabled: true, backlog: { enabled: true } } });
    expect(workloadOf(all).spec.replicas).toBeUndefined();
    const { spec } = only(all, 'HorizontalPodAutoscaler');
    expect(spec.scaleTargetRef).toMatchObject({ kind: workloadOf(all).kind, name: 'bridge' });
    expect(spec.metrics.map(({ type }: { type: string }) => type)).toEqual(['Resource', 'External']);
    const [byCpu] = (await chart.render({ autoscaling: { enabled: true } })).filter(
      ({ kind }) => kind === 'HorizontalPodAutoscaler',
    );
    expect(byCpu?.spec.metrics).toHaveLength(1);
  });

  test('a network policy lets in LiteLLM and Prometheus, and out to names, vendors and Postgres', async () => {
    const { spec } = only(await chart.render({ networkPolicy: network }), 'NetworkPolicy');
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec.ingress).toEqual([
      {
        from: [
          {
            podSelector: { matchLabels: { app: 'litellm' } },
            namespaceSelector: { matchLabels: { name: 'gateway' } },
          },
        ],
        ports: [{ port: 8787 }],
      },
      { from: [{ podSelector: { matchLabels: { app: 'prometheus' } } }], ports: [{ port: 8787 }] },
    ]);
    expect(spec.egress.map(({ ports }: { ports: { port: number }[] }) => ports[0]?.port)).toEqual([
      53, 443, 443, 6432,
    ]);
    expect(spec.egress.at(-1).to).toEqual([{ ipBlock: { cidr: '10.1.2.3/32' } }]);
  });

  test.each(['service', 'sidecar'])(
    'with opsPort the page, metrics and readiness of a %s stand there, behind keys of their own',
    async (shape) => {
      const values = { shape, opsPort: 9090, secrets: opsKeys, networkPolicy: network };
      const all = await chart.render({ ...values, serviceMonitor: { enabled: true } });
      const bridge = bridgeOf(all);
      expect(bridge.env).toContainEqual({
        name: 'OPS_API_KEYS',
        valueFrom: { secretKeyRef: { name: 'ops', key: 'OPS_API_KEYS' } },
      });
      const config = parseConfig(
        { ...valuesOf(bridge.env), BRIDGE_API_KEYS: 'call', OPS_API_KEYS: 'a,b' },
        backends,
      );
      expect(config.ops).toEqual({ host: '0.0.0.0', port: 9090, apiKeys: ['a', 'b'] });
      expect(bridge.ports).toContainEqual({ name: 'ops', containerPort: 9090 });
      // A probe has no key
      for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
        expect(bridge[probe].httpGet).toEqual({ path: '/healthz', port: 'bridge' });
      const pods = all.find((one) => one.kind === 'Service' && one.metadata.name.endsWith('-pods'));
      expect(pods?.spec.ports).toEqual([{ name: 'metrics', port: 9090, targetPort: 9090 }]);
      const [endpoint] = only(all, 'ServiceMonitor').spec.endpoints;
      expect(endpoint.authorization).toEqual({ credentials: { name: 'ops', key: 'OPS_API_KEYS' } });
      const ingress = JSON.stringify(only(all, 'NetworkPolicy').spec.ingress[1]);
      expect(ingress).toContain('"ports":[{"port":9090}]');
      expect(
        await chart.mistakes(
          await chart.template('bridge', [], { ...values, serviceMonitor: { enabled: true } }),
        ),
      ).toEqual([]);
      // Annotations cannot name a key
      const { annotations } = workloadOf(await chart.render(values)).spec.template.metadata;
      expect(JSON.stringify(annotations)).not.toContain('prometheus.io');
      const several = await chart.render({ ...values, serviceMonitor: { enabled: true, opsKey: 'SCRAPE' } });
      expect(only(several, 'ServiceMonitor').spec.endpoints[0].authorization.credentials.key).toBe('SCRAPE');
    },
  );

  test('numbers reach the bridge as they were written', async () => {
    const settings = { MAX_JSON_NODES: 1_000_000, STREAM_CHECK_GROWTH: 1.5, TELEMETRY: false };
    const env = valuesOf(bridgeOf(await chart.render({ settings })).env);
    expect(env).toMatchObject({ MAX_JSON_NODES: '1000000', STREAM_CHECK_GROWTH: '1.5', TELEMETRY: 'false' });
  });

  test('a policy file reaches the bridge as it was written, where the bridge reads it', async () => {
    const content = '# {{ .Values }}\npack: default\n\n  - "x: y"\n';
    const all = await chart.render({ policy: { content, key: 'mine.yaml' } });
    const { metadata, data } = only(all, 'ConfigMap');
    expect(data).toEqual({ 'mine.yaml': content });
    expect(podOf(all).volumes).toContainEqual({ name: 'policies', configMap: { name: metadata.name } });
    const mount = bridgeOf(all).volumeMounts.find(({ name }: Variable) => name === 'policies');
    expect(valuesOf(bridgeOf(all).env).POLICY_FILE).toBe(`${mount.mountPath}/mine.yaml`);
    // A changed file is read by itself, which needs the folder
    expect(mount.subPath).toBeUndefined();
  });

  test('the tables are migrated as their owner before the bridges start, by nobody whom a Service finds', async () => {
    const settings = { DATABASE_SCHEMA: 'own', LOG_LEVEL: 'debug' };
    const all = await chart.render({ migration: { existingSecret: 'owner' }, settings });
    const { metadata, spec } = only(all, 'Job');
    expect(metadata.annotations['helm.sh/hook']).toBe('pre-install,pre-upgrade');
    const [container] = spec.template.spec.containers;
    expect(container.args).toEqual(['database', 'migrate']);
    expect(container.env).toEqual([
      { name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'owner', key: 'DATABASE_URL' } } },
      { name: 'DATABASE_SCHEMA', value: 'own' },
    ]);
    expect(container.securityContext).toEqual(bridgeOf(all).securityContext);
    expect(container.image).toBe(bridgeOf(all).image);
    expect(spec.template.spec.automountServiceAccountToken).toBe(false);
    const selector = workloadOf(all).spec.selector.matchLabels;
    expect(spec.template.metadata.labels).not.toMatchObject(selector);
    expect(await chart.render({})).not.toContainEqual(expect.objectContaining({ kind: 'Job' }));
  });

  test('each worker adds to what a pod asks for', async () => {
    const { resources } = bridgeOf(await chart.render({ workers: 3 }));
    expect(resources).toEqual({
      requests: { cpu: '1500m', memory: '960Mi' },
      limits: { memory: '7Gi' },
    });
  });
});

describe('values that cannot be meant', () => {
  test.each<{ values: Values; says: string }>([
    {
      values: { secrets: { database: { existingSecret: '' } } },
      says: "at '/secrets/database/existingSecret': value must be 'the name of a Secret with DATABASE_URL",
    },
    {
      values: { ...alone, autoscaling: { enabled: true } },
      says: 'replicas that autoscaling adds need Postgres',
    },
    { values: { shape: 'sidecar', autoscaling: { enabled: true } }, says: 'scale by its load' },
    { values: { networkPolicy: { enabled: true } }, says: 'the labels of the pods of LiteLLM' },
    {
      values: { networkPolicy: { ...network, database: { cidr: '' } } },
      says: 'the addresses of Postgres, such as 10.1.2.3/32',
    },
    { values: { policy: { content: 'x', existingConfigMap: 'y' } }, says: 'set one of the two' },
    { values: { workers: 'auto' }, says: 'a limit of CPU' },
    { values: { workers: 0 }, says: "at '/workers': minimum: got 0, want 1" },
    { values: { replicas: '2' }, says: "at '/replicas': got string, want integer" },
    { values: { shape: 'sidcar' }, says: "at '/shape': value must be one of 'service', 'sidecar'" },
    { values: { replica: 3 }, says: "additional properties 'replica' not allowed" },
    { values: { data: { kind: 'pvc' } }, says: "value must be one of 'persistent', 'emptyDir'" },
    { values: { secrets: { apiKeys: { existingSecret: '' } } }, says: 'minLength' },
    { values: { secrets: { database: { url: 'x' } } }, says: "additional properties 'url' not allowed" },
    { values: { settings: { UNREACHABLE_FALBACK: 'x' } }, says: "'UNREACHABLE_FALBACK' not allowed" },
    // The chart sets it, or a Secret has it
    { values: { settings: { DATA_DIR: '/x' } }, says: "'DATA_DIR' not allowed" },
    { values: { settings: { AUDIT_KEY: 'x' } }, says: "'AUDIT_KEY' not allowed" },
    { values: { settings: { OUTBOX_MAX_MB: 2048 } }, says: 'has no room for settings.OUTBOX_MAX_MB, 2048' },
    { values: { settings: { OPS_PORT: 9090 } }, says: "'OPS_PORT' not allowed" },
    { values: { opsPort: 80, secrets: opsKeys }, says: "at '/opsPort'" },
    { values: { opsPort: 9090 }, says: 'name the Secret with OPS_API_KEYS, as opsPort is set' },
    { values: { secrets: opsKeys }, says: 'opsPort: set it, or leave out secrets.opsApiKeys' },
    { values: { opsPort: 8787, secrets: opsKeys }, says: 'opsPort: 8787 is port, too' },
    {
      values: { autoscaling: { enabled: true, minReplicas: 9 } },
      says: 'minReplicas is 9, more than maxReplicas, 8',
    },
  ])('$values is refused: $says', async ({ values, says }) => {
    expect(await chart.refusal(values)).toContain(says);
  });
});

describe('the manifests beside the chart', () => {
  test.each([
    { file: 'sidecar', release: 'litellm' },
    { file: 'service', release: 'guardrail-bridge' },
  ])('$file is what the chart makes of its values', async ({ file, release }) => {
    const values = join(KUBERNETES_FOLDER, `${file}-values.yaml`);
    const head = (await readFile(values, 'utf8')).split(/^(?!#)/m)[0];
    const made = await chart.template(release, ['--values', values]);
    const lines = made.replace(/^# Source: .*\n/gm, '').replace(/^---\n/, '');
    const plain = lines.replace(/^ *(?:helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm, '');
    expect(await chart.mistakes(plain)).toEqual([]);
    // After a change of the chart: npm run test:deploy -- -u
    await expect(`${head}${plain}`).toMatchFileSnapshot(join(KUBERNETES_FOLDER, `${file}.yaml`));
  });
});

test('every value is described where it stands', async () => {
  const text = await readFile(join(KUBERNETES_FOLDER, 'chart', 'values.yaml'), 'utf8');
  const schema = JSON.parse(await readFile(join(KUBERNETES_FOLDER, 'chart', 'values.schema.json'), 'utf8'));
  const { global: _, ...properties } = schema.properties;
  expect(Object.keys(parseYaml(text)).toSorted()).toEqual(Object.keys(properties).toSorted());
  const templates = await readdir(join(KUBERNETES_FOLDER, 'chart', 'templates'));
  const used = await Promise.all(
    templates.map((file) => readFile(join(KUBERNETES_FOLDER, 'chart', 'templates', file), 'utf8')),
  );
  for (const name of Object.keys(properties)) expect(used.join('\n')).toContain(`.Values.${name}`);
});
