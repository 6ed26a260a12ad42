import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort } from '../postgres/server.ts';
import { prometheusProgram } from './programs.ts';

export type Sample = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
};
export type LiveAlert = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
};

export type Prometheus = {
  /** Asks for the value of a query now. Rejects with what Prometheus says of one that it cannot answer. */
  query(expr: string): Promise<readonly Sample[]>;
  alerts(): Promise<readonly LiveAlert[]>;
  stop(): Promise<void>;
};

/**
 * Starts a Prometheus that scrapes and evaluates every second.
 *
 * @param targets addresses of bridges, such as `127.0.0.1:8787`
 * @param rules text of a file of rules
 */
export async function startPrometheus(targets: readonly string[], rules: string): Promise<Prometheus> {
  const program = await prometheusProgram('prometheus');
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const port = await freePort();
  await writeFile(join(folder, 'rules.yaml'), rules);
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: 'guardrail-bridge', static_configs: [{ targets }] }],
  };
  await writeFile(join(folder, 'prometheus.yaml'), stringify(config));
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000, killSignal: 'SIGKILL' },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(url + path);
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data: T };
    if (status !== 'success') throw new Error(error);
    return data;
  };
  for (;;) {
    if (child.exitCode !== null) throw new Error(`prometheus ended: ${said}`);
    const isReady = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) break;
    await wait(50);
  }
  return {
    async query(expr) {
      const { result } = await get<{ result: Sample[] }>(
        `/api/v1/query?${new URLSearchParams({ query: expr })}`,
      );
      return result;
    },
    async alerts() {
      return (await get<{ alerts: LiveAlert[] }>('/api/v1/alerts')).alerts;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
