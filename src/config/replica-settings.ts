import { availableParallelism } from 'node:os';
import * as v from 'valibot';
import type { Settings } from '../guardrail/fields.ts';
import * as fields from '../guardrail/fields.ts';

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'];
const sslOf = (text: string, name: string) => URL.parse(text)?.searchParams.get(name) ?? null;

/** The address of a database, as libpq reads it. */
export const databaseUrl = v.pipe(
  v.string(),
  v.check(
    (text) => /^postgres(?:ql)?:$/.test(URL.parse(text)?.protocol ?? ''),
    'write an address like postgres://user@host:5432/name',
  ),
  v.check((text) => {
    const mode = sslOf(text, 'sslmode');
    return mode === null || SSL_MODES.includes(mode);
  }, 'write disable, require, verify-ca or verify-full for its sslmode'),
  v.check(
    (text) => sslOf(text, 'sslmode') !== 'verify-ca' || sslOf(text, 'sslrootcert') !== null,
    'add the file of the authority as sslrootcert=: with verify-ca anybody could have a certificate of a public one',
  ),
  v.description('address'),
);

const schemaName = v.pipe(
  v.string(),
  v.check(
    (text) => /^[a-z_][a-z0-9_]{0,62}$/.test(text) && !text.startsWith('pg_') && text !== 'public',
    'write a name of small letters, digits and _ for a schema of its own, not public and not pg_…',
  ),
  v.description('name'),
);

/** Keys of shared state, the newest first. */
export const stateKeys = v.pipe(
  fields.commaList,
  v.check(
    (keys) => keys.length > 0 && keys.every((key) => /^[0-9a-f]{64}$/i.test(key)),
    'write 64 hexadecimal digits, such as `openssl rand -hex 32` prints; earlier keys after a comma',
  ),
  v.description('64 hexadecimal digits, comma separated'),
);

const workers = v.pipe(
  v.string(),
  v.check(
    (text) => text === 'auto' || (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 64),
    'write a whole number from 1 to 64, or auto',
  ),
  v.transform((text) => (text === 'auto' ? availableParallelism() : Number(text))),
  v.description('1 to 64, or auto'),
);

/** Settings of replicas that act as one, and of all cores. */
export const replicas = {
  DATABASE_URL: {
    schema: databaseUrl,
    sentence:
      'Postgres that several replicas share, as `postgres://user@host:5432/name?sslmode=verify-full`; without it each bridge is alone.',
    secret: true,
  },
  PGPASSWORD: {
    schema: fields.text('text'),
    sentence: 'Password for `DATABASE_URL`, in place of one in the address.',
    secret: true,
  },
  DATABASE_PASSWORD_FILE: {
    schema: fields.text('path'),
    sentence:
      'File with the password for `DATABASE_URL`, read for each new connection: a token of short life can stand in it.',
  },
  DATABASE_SCHEMA: {
    schema: schemaName,
    default: 'guardrail_bridge',
    sentence: 'Schema that holds the tables of the bridge, and nothing else.',
  },
  DATABASE_POOL_SIZE: {
    schema: fields.numberFrom(5, 200, true),
    default: '10',
    sentence: 'Most connections of one process to `DATABASE_URL`.',
  },
  DATABASE_CONNECT_TIMEOUT: {
    schema: fields.seconds,
    default: '3',
    sentence: 'Time to connect to `DATABASE_URL`, and to wait for a connection.',
  },
  DATABASE_STATEMENT_TIMEOUT: {
    schema: fields.seconds,
    default: '5',
    sentence: 'Time for one statement there. Records wait 2 s of it at most, and calls for `STATE_TIMEOUT`.',
  },
  STATE_KEY: {
    schema: stateKeys,
    sentence:
      'Encrypts what replicas share of calls; needed where a policy is `reversible`. Earlier keys follow, comma separated.',
    secret: true,
  },
  STATE_TIMEOUT: {
    schema: fields.seconds,
    default: '0.1',
    sentence:
      'How long a call waits for each thing that replicas share; after that it is judged without, and none waits while the database is down.',
  },
  STATE_MAX_MB: {
    schema: fields.megabytes(),
    default: '1024',
    sentence: 'Room for what replicas share; beyond it the oldest goes first, and what limits go by last.',
  },
  WORKERS: {
    schema: workers,
    default: '1',
    sentence: 'Processes that judge calls; `auto` starts one for each core.',
  },
} as const satisfies Settings;
