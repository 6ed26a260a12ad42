import { type DatabaseConfig, databasePlace } from './database-config.ts';

type Named = { readonly role: string; readonly schema: string };

const FILES = 'DATABASE_URL or DATABASE_PASSWORD_FILE';

/** @see https://www.postgresql.org/docs/15/errcodes-appendix.html */
const REASONS: readonly (readonly [RegExp, (named: Named) => string])[] = [
  [/^28P01$/, ({ role }) => `the password of ${role} was refused`],
  [/^28/, ({ role }) => `${role} was refused: see its role, sslmode and pg_hba.conf`],
  [/^3D000$/, () => 'there is no such database'],
  [/^no_tables$/, ({ schema }) => `there are no tables in schema ${schema}: see DATABASE_SCHEMA`],
  [
    /^(?:42P01|42703|42883|3F000)$/,
    ({ schema }) => `tables of this release are missing in schema ${schema}: run database migrate`,
  ],
  [/^newer_version$/, ({ schema }) => `the tables in schema ${schema} need a newer release: start that`],
  [
    /^42501$/,
    ({ role, schema }) =>
      `${role} may not do this in schema ${schema}: run database migrate as its owner, and grant what a bridge needs`,
  ],
  [/^57P03$/, () => 'it is starting or shutting down'],
  [/^(?:57P0.|08...|connection_lost|ECONNRESET|EPIPE)$/, () => 'the connection was ended'],
  [/^53300$/, () => 'it takes no more connections: see DATABASE_POOL_SIZE and max_connections'],
  [/^53100$/, () => 'its disk is full'],
  [/^25006$/, () => 'it only reads, as a standby does'],
  [/^timeout$/, () => 'no reply in time'],
  [/^ECONNREFUSED$/, () => 'nothing listens there'],
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, () => 'no address is known for its name'],
  [/^E(?:HOST|NET)UNREACH$/, () => 'there is no way to it'],
  [/^ENOENT$/, () => `a file that ${FILES} names is missing`],
  [/^(?:EACCES|EISDIR|EPERM)$/, () => `a file that ${FILES} names cannot be read`],
  [/CERT|SELF_SIGNED|ALTNAME/, () => 'its certificate is not accepted: see sslmode and sslrootcert'],
  [/^refused$/, () => 'it refused the connection: see sslmode'],
];

/**
 * Why the database of a bridge cannot be used, for people: names server, database, schema and role, never the password.
 *
 * @param code of a {@link DatabaseError}
 */
export function databaseProblem(code: string, config: Pick<DatabaseConfig, 'url' | 'schema'>): string {
  const { name, schema } = databasePlace(config);
  const { username } = new URL(config.url);
  const role = username === '' ? 'the role' : `role ${username}`;
  const reason = REASONS.find(([codes]) => codes.test(code))?.[1]({ role, schema });
  return `the database ${name} cannot be used: ${reason === undefined ? code : `${reason} (${code})`}`;
}
