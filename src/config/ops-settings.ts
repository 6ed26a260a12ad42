import * as v from 'valibot';
import type { Settings, Values } from '../guardrail/fields.ts';
import * as fields from '../guardrail/fields.ts';
import { isLoopback } from './backend.ts';
import type { Report } from './read.ts';

/** Settings of the listener for those who operate the bridge. */
export const ops = {
  OPS_PORT: {
    schema: fields.numberFrom(0, 65_535, true),
    sentence:
      'Port to which `/ui`, `/metrics` and `/readyz` move from that of guardrail calls; 0 picks a free one.',
  },
  OPS_HOST: {
    schema: fields.text('address'),
    otherwise: '`127.0.0.1`; with `OPS_API_KEYS`, `0.0.0.0`',
    sentence: 'Address to listen on at `OPS_PORT`; beyond loopback it needs `OPS_API_KEYS`.',
  },
  OPS_API_KEYS: {
    schema: v.pipe(fields.commaList, v.array(fields.secret), v.minLength(1, 'write at least one key')),
    sentence:
      'Keys that open `/ui`, `/metrics` and `/readyz` at `OPS_PORT`, one as `x-api-key`, `Authorization: Bearer` or in the form of the page; set two while you rotate.',
    secret: true,
  },
} as const satisfies Settings;

/** A listener of its own for those who operate the bridge. */
export type OpsConfig = {
  readonly host: string;
  readonly port: number;
  /** None: nobody is asked for one. */
  readonly apiKeys: readonly string[];
};

type Set = Values<typeof ops> & { readonly PORT: number };

/** Undefined where all stands on the port of guardrail calls. */
export function opsOf(set: Set, { problems }: Report): OpsConfig | undefined {
  const { OPS_PORT: port, OPS_HOST: givenHost, OPS_API_KEYS: apiKeys = [] } = set;
  if (port === undefined) {
    for (const [name, value] of Object.entries({ OPS_HOST: givenHost, OPS_API_KEYS: set.OPS_API_KEYS }))
      if (value !== undefined) problems.push(`${name}: OPS_PORT is missing; set it, or leave both out`);
    return undefined;
  }
  if (port !== 0 && port === set.PORT)
    problems.push(
      `OPS_PORT: PORT is ${port} too; write another port, or leave OPS_PORT out to have one port`,
    );
  const host = givenHost ?? (apiKeys.length > 0 ? '0.0.0.0' : '127.0.0.1');
  if (apiKeys.length === 0 && !isLoopback(host))
    problems.push(
      `OPS_API_KEYS: missing; OPS_HOST ${JSON.stringify(host.slice(0, 100))} is not loopback. Set keys, or leave OPS_HOST out`,
    );
  return { host, port, apiKeys };
}
