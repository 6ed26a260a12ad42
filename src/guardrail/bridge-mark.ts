import { hash } from 'node:crypto';
import { hostname } from 'node:os';

/** Header of requests to vendors whose place a bridge can take: it names the process, in all its threads the same. */
export const BRIDGE_MARK = {
  'x-guardrail-bridge': hash('sha256', `${hostname()} ${process.pid}`).slice(0, 16),
} as const;
