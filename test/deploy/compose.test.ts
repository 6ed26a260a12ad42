import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { backends } from '../../src/backends/index.ts';
import { parseConfig } from '../../src/config/config.ts';
import { settingGroups } from '../../src/config/describe.ts';
import { GUARDRAIL_PATHS, LOGS_PATH } from '../../src/http/app.ts';
import { goSource } from '../counterparts/install.ts';
import { postgresPrograms } from '../postgres/programs.ts';
import { freePort, startPostgres, until } from '../postgres/server.ts';
import { callOf } from '../support/call.ts';
import { startChild } from '../support/child.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

const env = {
  BRIDGE_API_KEY: 'of-the-bridge',
  OPENAI_API_KEY: 'of-openai',
  DATABASE_PASSWORD: 'of-the-database',
  POSTGRES_PASSWORD: 'of-postgres',
  STATE_KEY: '0'.repeat(64),
};

type Service = {
  readonly image: string;
  readonly environment: Record<string, string>;
  readonly volumes: { source: string; target: string }[];
  readonly depends_on?: Record<string, { condition: string }>;
  readonly networks: Record<string, unknown>;
  readonly secrets?: { source: string; target: string }[];
  readonly healthcheck?: { test: string[] };
  readonly cap_drop?: string[];
  readonly security_opt?: string[];
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
};
type Project = {
  readonly services: Record<string, Service>;
  readonly networks: Record<string, { internal?: boolean }>;
  readonly configs: Record<string, { content: string }>;
  readonly secrets: Record<string, { environment: string }>;
};

let program: string;
/** What Compose makes of a file, or of several as one. */
async function compose(files: string | string[], variables: Record<string, string> = env): Promise<Project> {
  const paths = [files].flat().map((file) => join(ROOT, file));
  const { stdout } = await run(program, paths, {
    env: { PATH: process.env.PATH ?? '', COMPOSE_PROJECT_NAME: 'test', ...variables },
  });
  return JSON.parse(stdout);
}

let project: Project;
beforeAll(async () => {
  program = await goSource(join(import.meta.dirname, 'compose-config'));
  project = await compose('docker-compose.replicas.yml');
});

describe.each(['docker-compose.yml', 'docker-compose.replicas.yml'])('%s', (file) => {
  test('is read by Compose', async () => {
    const { services } = await compose(file);
    expect(Object.keys(services)).toEqual(expect.arrayContaining(['litellm']));
  });

  const needed = file.includes('replicas') ? ['STATE_KEY', 'BRIDGE_API_KEY'] : ['BRIDGE_API_KEY'];
  test('starts without a key of OpenAI', async () => {
    const { OPENAI_API_KEY: _, ...rest } = env;
    const { services } = await compose(file, rest);
    expect(services.litellm?.environment.OPENAI_API_KEY).toBe('');
  });

  test.each(needed)('is refused without %s, and told so', async (name) => {
    const { [name as keyof typeof env]: _, ...rest } = env;
    await expect(compose(file, rest)).rejects.toThrow(`set ${name} in .env`);
  });
});

describe('examples/demo/compose.yaml', () => {
  let services: Project['services'];
  beforeAll(async () => {
    services = (await compose('examples/demo/compose.yaml', {})).services;
  });

  test('needs no variable, and holds no key of a provider', () => {
    expect(Object.keys(services).toSorted()).toEqual(['bridge', 'client', 'litellm']);
    expect(JSON.stringify(services)).not.toMatch(/OPENAI|_TOKEN/);
  });

  test('has a bridge that takes its settings without a warning, and its policies from its image', () => {
    const { environment } = services.bridge as Service;
    const config = parseConfig(environment, backends);
    expect(config.warnings).toEqual([]);
    expect(config.policies.file).toBe('examples/demo/policies.yaml');
    expect(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).toMatch(/^COPY examples\/demo /m);
  });

  test('has LiteLLM ask the bridge, the client ask LiteLLM, and nobody else ask either', () => {
    const { bridge, litellm, client } = services as Record<
      string,
      Service & { command?: string[]; ports?: object[] }
    >;
    const { BRIDGE_URL, BRIDGE_LOGS_URL, BRIDGE_API_KEY, LITELLM_MASTER_KEY } = litellm?.environment ?? {};
    expect(BRIDGE_URL).toBe(`http://bridge:${bridge?.environment.PORT}`);
    expect(BRIDGE_LOGS_URL).toBe(BRIDGE_URL + LOGS_PATH);
    expect(BRIDGE_API_KEY).toBe(bridge?.environment.BRIDGE_API_KEYS);
    const [page] = bridge?.ports ?? [];
    expect(page).toMatchObject({ host_ip: '127.0.0.1', published: '8788', target: 8787 });
    expect(client?.command).toEqual([
      ...['demo', '--proxy=http://litellm:4000', `--key=${LITELLM_MASTER_KEY}`],
      '--page=http://127.0.0.1:8788/ui',
    ]);
    expect(client?.environment.BRIDGE_API_KEY).toBe(BRIDGE_API_KEY);
    expect(client?.environment.DATA_DIR).toBe(bridge?.environment.DATA_DIR);
    expect(client?.ports).toBeUndefined();
    expect(litellm?.ports).toEqual([expect.objectContaining({ host_ip: '127.0.0.1', target: 4000 })]);
  });
});

describe.each(['docker-compose.yml', 'docker-compose.replicas.yml'])(
  'examples/monitoring/compose.yaml beside %s',
  (file) => {
    const files = [file, 'examples/monitoring/compose.yaml'];

    test('has Prometheus and Grafana where they reach what they ask, with the files of the example', async () => {
      const { services, configs } = await compose(files, { ...env, GRAFANA_PASSWORD: 'of-grafana' });
      const { prometheus, grafana } = services as Record<string, Service>;
      const mounts = [prometheus, grafana].flatMap((service) => service?.volumes ?? []);
      const bound = mounts.map(({ source }) => source).filter((source) => source.startsWith(ROOT));
      expect(bound.map((source) => source.slice(ROOT.length + 1))).toEqual(
        ['prometheus.yaml', 'alerts.yaml', 'dashboard.json'].map((name) => `examples/monitoring/${name}`),
      );
      for (const source of bound) expect(readFileSync(source, 'utf8').length).toBeGreaterThan(0);
      const bridges = Object.entries(services).filter(([name]) => /^bridge/.test(name));
      expect(bridges.length).toBeGreaterThan(0);
      for (const [, bridge] of bridges) expect(Object.keys(bridge.networks)).toContain('default');
      for (const service of [prometheus, grafana]) {
        expect(Object.keys(service?.networks ?? {})).toEqual(['default']);
        expect(service).toMatchObject({ cap_drop: ['ALL'], ports: [{ host_ip: '127.0.0.1' }] });
      }
      const { datasources } = parseYaml(configs.datasource?.content ?? '');
      expect(datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090' }]);
      const { providers } = parseYaml(configs.dashboards?.content ?? '');
      expect(mounts.map(({ target }) => dirname(target))).toContain(providers[0].options.path);
    });

    test('is refused without a password for Grafana', async () => {
      await expect(compose(files)).rejects.toThrow('set GRAFANA_PASSWORD in .env');
    });
  },
);

describe('docker-compose.replicas.yml', () => {
  const bridges = ['bridge-a', 'bridge-b'];

  test('has bridges that differ in their volume and the port of their page alone', () => {
    const [a, b] = bridges.map((name) => project.services[name] as Service);
    const folder = (service?: Service) => service?.volumes.find(({ target }) => target === '/data')?.source;
    expect([folder(a), folder(b)]).toEqual(['outbox-a', 'outbox-b']);
    const alike = (service?: Service) =>
      JSON.stringify(service)
        .replaceAll(/outbox-[ab]/g, 'outbox')
        .replace(/"878[89]"/, '"page"');
    expect(alike(a)).toBe(alike(b));
  });

  test.each(bridges)('sets settings of %s alone, which it takes without a warning', (name) => {
    const { environment, stop_grace_period } = project.services[name] as Service;
    const rows = settingGroups(backends).flatMap(([, group]) => group.map((row) => row.name));
    expect(rows).toEqual(expect.arrayContaining(Object.keys(environment)));
    const config = parseConfig(environment, backends);
    expect(config.warnings).toEqual([]);
    expect(config.database?.passwordFile).toBe('/run/secrets/database_password');
    const { shutdownDelayMs, shutdownTimeoutMs } = config.server;
    expect(Number.parseInt(stop_grace_period ?? '', 10) * 1000).toBeGreaterThan(
      shutdownDelayMs + shutdownTimeoutMs,
    );
  });

  test('shows no service a secret that is not for it', () => {
    const text = (name: string) => JSON.stringify(project.services[name]);
    for (const name of bridges) {
      expect(text(name)).not.toMatch(/of-openai|of-postgres|of-the-database|postgres_password/);
    }
    expect(text('litellm')).not.toMatch(/of-postgres|of-the-database|0{64}/);
    expect(text('balancer')).not.toMatch(/of-/);
    expect(text('postgres')).not.toMatch(/of-/);
    expect(project.secrets.database_password?.environment).toBe('DATABASE_PASSWORD');
  });

  test('keeps Postgres where only the bridges reach it', () => {
    expect(project.networks.database?.internal).toBe(true);
    const near = Object.keys(project.services).filter(
      (name) => 'database' in (project.services[name]?.networks ?? {}),
    );
    expect(near.toSorted()).toEqual([...bridges, 'postgres']);
    expect(Object.keys(project.services.postgres?.networks ?? {})).toEqual(['database']);
  });

  test('waits for each service until it is healthy', () => {
    const waits = Object.entries(project.services).map(([name, { depends_on = {} }]) => [
      name,
      Object.entries(depends_on).map(([other, { condition }]) => `${other} ${condition}`),
    ]);
    expect(Object.fromEntries(waits)).toEqual({
      'bridge-a': ['postgres service_healthy'],
      'bridge-b': ['postgres service_healthy'],
      balancer: ['bridge-a service_healthy', 'bridge-b service_healthy'],
      litellm: ['balancer service_healthy'],
      postgres: [],
    });
    // Those of the bridge are in its image
    for (const name of ['balancer', 'postgres']) expect(project.services[name]?.healthcheck).toBeDefined();
  });

  test('runs what is not LiteLLM without capabilities, at pinned versions', () => {
    for (const [name, service] of Object.entries(project.services)) {
      if (name === 'litellm') continue;
      expect(service.cap_drop, name).toEqual(['ALL']);
      expect(service.security_opt, name).toEqual(['no-new-privileges:true']);
      if (!bridges.includes(name)) expect(service.image).toMatch(/:\d+\.\d+/);
    }
  });

  test('has LiteLLM ask the balancer, and the balancer the bridges', () => {
    const { BRIDGE_URL = '', BRIDGE_LOGS_URL } = project.services.litellm?.environment ?? {};
    const { content } = project.configs.haproxy as { content: string };
    expect(BRIDGE_URL).toBe(`http://balancer:${/bind :(\d+)/.exec(content)?.[1]}`);
    expect(BRIDGE_LOGS_URL).toBe(BRIDGE_URL + LOGS_PATH);
    const servers = [...content.matchAll(/^ *server \S+ (\S+)$/gm)].map(([, address]) => address);
    expect(servers).toEqual(bridges.map((name) => `${name}:${project.services[name]?.environment.PORT}`));
    expect(project.services.balancer?.healthcheck?.test.at(-1)).toContain(
      /monitor-uri (\S+)/.exec(content)?.[1],
    );
  });
});

const isPostgresInstalled = postgresPrograms() !== undefined;
test.skipIf(!isPostgresInstalled)(
  'the script of roles makes an owner of one database who is no administrator (needs postgresql)',
  async () => {
    const postgres = await startPostgres({
      hba: ['host all guardrail_bridge 127.0.0.1/32 scram-sha-256'],
    });
    const folder = mkdtempSync(join(tmpdir(), 'roles-'));
    const password = "it's a password";
    try {
      writeFileSync(join(folder, 'database_password'), password);
      const script = project.configs.roles?.content.replaceAll('/run/secrets', folder) ?? '';
      const as = { PATH: process.env.PATH ?? '', PGHOST: '127.0.0.1', PGPORT: String(postgres.port) };
      execFileSync('sh', ['-ec', script], { env: { ...as, PGUSER: 'postgres' } });
      const { DATABASE_URL = '' } = project.services['bridge-a']?.environment ?? {};
      const { username, pathname } = new URL(DATABASE_URL);
      const { stdout } = await run(
        'psql',
        [
          '-At',
          '-c',
          'CREATE SCHEMA own; SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user',
        ],
        { env: { ...as, PGUSER: username, PGPASSWORD: password, PGDATABASE: pathname.slice(1) } },
      );
      expect(stdout).toBe('CREATE SCHEMA\nf|f\n');
    } finally {
      rmSync(folder, { recursive: true });
      await postgres.remove();
    }
  },
);

const haproxy = (process.env.PATH ?? '')
  .split(':')
  .concat('/usr/sbin')
  .map((folder) => join(folder, 'haproxy'))
  .find((file) => {
    try {
      execFileSync(file, ['-v'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });

test.skipIf(haproxy === undefined)(
  'no call is lost while one bridge after the other is replaced behind the balancer (needs haproxy)',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
    const [front, stats, a, b] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const start = async (port: number) => {
      const bridge = startChild({ env: { PORT: String(port), BRIDGE_API_KEYS: 'key' }, limitMs: 60_000 });
      await bridge.line('listening');
      return bridge;
    };
    const running = new Map([
      [a, await start(a)],
      [b, await start(b)],
    ]);
    const content = project.configs.haproxy?.content ?? '';
    const local = content
      .replace(/bind :\d+/, `bind 127.0.0.1:${front}`)
      .replace(/bridge-a:\d+/, `127.0.0.1:${a}`)
      .replace(/bridge-b:\d+/, `127.0.0.1:${b}`)
      .replace(/^resolvers docker\n( .*\n)*/m, '')
      .replace('resolvers docker ', '');
    const seen = `listen seen\n  bind 127.0.0.1:${stats}\n  stats enable\n  stats uri /\n`;
    writeFileSync(join(folder, 'haproxy.cfg'), `${local}${seen}`);
    const balancer = spawn(haproxy as string, ['-db', '-f', join(folder, 'haproxy.cfg')], {
      stdio: 'ignore',
    });
    try {
      const url = `http://127.0.0.1:${front}`;
      const bothUp = () =>
        until(async () => {
          const text = await fetch(`http://127.0.0.1:${stats}/;csv`).then(
            (response) => response.text(),
            () => '',
          );
          return text.match(/^bridges,bridge-\w,.*,UP,/gm)?.length === 2;
        }, 'the balancer finds both bridges well');
      await bothUp();
      let isOver = false;
      const statuses: (number | string)[] = [];
      const caller = async () => {
        while (!isOver) {
          const status = await fetch(url + GUARDRAIL_PATHS[0], {
            method: 'POST',
            headers: { 'x-api-key': 'key', 'content-type': 'application/json' },
            body: JSON.stringify(callOf({ texts: ['hello'] })),
          }).then(
            async (response) => {
              await response.arrayBuffer();
              return response.status;
            },
            (error: Error) => String(error.cause ?? error),
          );
          statuses.push(status);
          await wait(5);
        }
      };
      const callers = Array.from({ length: 8 }, caller);
      for (const [port, bridge] of running) {
        bridge.send('SIGTERM');
        await bridge.exit;
        running.set(port, await start(port));
        await bothUp();
      }
      isOver = true;
      await Promise.all(callers);
      expect(statuses.filter((status) => status !== 200)).toEqual([]);
      console.log(`${statuses.length} calls, all answered`);
    } finally {
      balancer.kill();
      await once(balancer, 'exit');
      await Promise.all([...running.values()].map((bridge) => bridge.stop()));
      rmSync(folder, { recursive: true });
    }
  },
);
