import http from 'node:http';
import { onTestFinished } from 'vitest';
import { type ChildOptions, type ServingChild, startServing } from './child.ts';
import { metric } from './listen.ts';
import { childrenOf } from './processes.ts';

export type WorkersChild = ServingChild & {
  /** Process ids of the workers that run. */
  workers(): readonly number[];
  /** The value of a metric on the page of all. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  readiness(): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
};

/** Starts two workers on a free port. They are killed at the end of the test. */
export async function startWorkers(
  env: Readonly<Record<string, string>> = {},
  options: Omit<ChildOptions, 'env'> = {},
): Promise<WorkersChild> {
  const child = await startServing({ WORKERS: '2', ...env }, options);
  onTestFinished(child.stop);
  return {
    ...child,
    workers: () => childrenOf(child.pid),
    metric: async (name, labels) => metric((await ask(child.url, '/metrics')).body, name, labels),
    async readiness() {
      const { status, body } = await ask(child.url, '/readyz');
      return { status, body: JSON.parse(body) as Record<string, unknown> };
    },
  };
}

export type Answer = { readonly status: number; readonly body: string; readonly connection: string };

/** A request over a connection of its own, which goes to the next worker, or over one of an agent. */
export function ask(
  url: string,
  path: string,
  body?: object,
  agent: http.Agent | false = false,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const request = http.request(url + path, { method, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          ...{ status: response.statusCode ?? 0, body: text },
          connection: response.headers.connection ?? '',
        }),
      );
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export const GUARDRAIL = '/beta/litellm_basic_guardrail_api';

/** A guardrail call over a connection of its own. */
export async function judged(url: string, call: object, agent?: http.Agent): Promise<string> {
  const { body } = await ask(url, GUARDRAIL, { input_type: 'request', ...call }, agent);
  return String((JSON.parse(body) as { action?: string }).action);
}

/** Calls that go on over kept connections until it is stopped. */
export function load(
  url: string,
  connections: number,
  calls: (n: number) => object = () => ({ texts: ['a rose'] }),
  keepAlive = true,
) {
  const agent = new http.Agent({ keepAlive, maxSockets: connections });
  const failed: string[] = [];
  const actions: string[] = [];
  let sent = 0;
  let isOver = false;
  const one = async () => {
    while (!isOver) {
      try {
        actions.push(await judged(url, calls(sent++), agent));
      } catch (error) {
        failed.push(String((error as NodeJS.ErrnoException).code ?? error));
      }
    }
  };
  const all = Promise.all(Array.from({ length: connections }, one));
  return {
    failed,
    actions,
    async stop() {
      isOver = true;
      await all;
      agent.destroy();
    },
  };
}
