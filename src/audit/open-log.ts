import { hostname } from 'node:os';
import { Database } from '../database/database.ts';
import type { DatabaseConfig } from '../database/database-config.ts';
import { databaseProblem } from '../database/database-problem.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { AuditSink } from './auditor.ts';
import { AuditLog, type AuditLogOptions, auditAdvice } from './log.ts';
import { ShippedLog } from './shipped-log.ts';
import { AuditTable } from './table.ts';

export type OpenLogOptions = {
  readonly dir: string;
  /** The first seals new rows. */
  readonly keys: readonly string[];
  /** Undefined for a bridge that is alone. */
  readonly database: DatabaseConfig | undefined;
};

/** Opens the log of decisions, and tells in log and metrics of its troubles; rows also go to the database, if there is one. */
export function openAuditLog(
  { dir, keys: [key], database: config }: OpenLogOptions,
  log: Log,
  metrics: Metrics,
): AuditSink {
  const options: AuditLogOptions = {
    ...{ dir, key },
    onError: (code) => log.error({ code, advice: auditAdvice(code) }, 'the audit log cannot be written'),
    onRecovered: (lost) => log.warn({ lost }, 'the audit log is written again'),
    onHead: (head) => log.info(head, 'head of the audit log'),
  };
  if (config === undefined) return new AuditLog(options);
  const database = new Database(config, 'audit');
  return new ShippedLog({
    ...options,
    ...{ table: new AuditTable(database), name: hostname(), closeTable: () => database.close() },
    onUnshipped: (rows) => metrics.audit_unshipped_rows.set({}, rows),
    onFailure(reason, code, isNew) {
      metrics.audit_ship_failures_total.inc({ reason });
      const problem = reason === 'database' && { problem: databaseProblem(code, config) };
      if (isNew)
        log.warn(
          { reason, code, ...problem },
          'the audit log does not reach the database; its rows stay in DATA_DIR',
        );
    },
    onShipping: (waited) => log.info({ waited }, 'the audit log reaches the database again'),
    onCopy({ id, copyOf }) {
      log.error(
        { replica: id, copy_of: copyOf },
        'the audit log in DATA_DIR is not the one that the database has; it begins a chain of its own there',
      );
    },
    onKept(code) {
      if (code === 'denied')
        log.info('old rows of the audit log stay in the database: this role may not delete them');
      else {
        metrics.audit_ship_failures_total.inc({ reason: 'retention' });
        log.warn({ code }, 'old rows of the audit log could not be deleted from the database');
      }
    },
  });
}
