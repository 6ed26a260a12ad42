import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createSeal, GENESIS, type Head, sealRow } from '../../src/audit/chain.ts';
import { ChainCheck, chainContext } from '../../src/audit/chain-check.ts';
import { FolderChain } from '../../src/audit/folder-chain.ts';
import { AuditLog, type AuditLogOptions } from '../../src/audit/log.ts';
import type { Verified } from '../../src/audit/verify.ts';

export { rowOf } from './audit-row.ts';

export const NOON = Date.UTC(2026, 10, 21, 12);
export const DAY_MS = 86_400_000;
export const KEY = 'a key of the operator';

export type TestLog = AuditLog & {
  /** Arguments of its callbacks. */
  readonly errors: string[];
  readonly recovered: number[];
  readonly heads: Head[];
};

/** Two rows that somebody without the key made: that the rows before a segment were too old. */
export function forgedRetention(title: { seq: number; prev: string } | undefined): string {
  const at = new Date(NOON).toISOString();
  const first = sealRow(
    { seq: 1, at, event_type: 'segment', alg: 'sha256', key_id: null },
    GENESIS,
    createSeal(),
  );
  const fields = { last_seq: Number(title?.seq) - 1, last_hash: title?.prev };
  const second = sealRow({ seq: 2, at, event_type: 'retention', ...fields }, first.hash, createSeal());
  return first.line + second.line;
}

/** A `DATA_DIR` with a clock and readers of its content; gone after the test. */
export type AuditDir = {
  readonly dir: string;
  readonly folder: string;
  /** Unix milliseconds, settable. */
  time: number;
  open(options?: Partial<AuditLogOptions>): TestLog;
  /** Names of the segments and whatever else is there but the lock. */
  names(): string[];
  text(name: string): string;
  rows(name?: string): Record<string, unknown>[];
  verify(keys?: readonly string[], reported?: Head): Verified;
};

export function auditDir(): AuditDir {
  const dir = mkdtempSync(join(tmpdir(), 'audit-'));
  const folder = join(dir, 'audit');
  const open: AuditLog[] = [];
  onTestFinished(async () => {
    await Promise.all(open.map((log) => log.close()));
    rmSync(dir, { recursive: true, force: true });
  });
  const self: AuditDir = {
    ...{ dir, folder, time: NOON },
    open(options = {}) {
      const told = { errors: [] as string[], recovered: [] as number[], heads: [] as Head[] };
      const log = new AuditLog({
        ...{ dir, now: () => self.time },
        onError: (code) => told.errors.push(code),
        onRecovered: (lost) => told.recovered.push(lost),
        onHead: (head) => told.heads.push(head),
        ...options,
      });
      open.push(log);
      return Object.assign(log, told);
    },
    names: () =>
      readdirSync(folder)
        .filter((name) => !name.startsWith('audit.lock'))
        .sort(),
    text: (name) => readFileSync(join(folder, name), 'utf8'),
    rows: (name) =>
      (name === undefined ? self.names() : [name]).flatMap((one) =>
        self
          .text(one)
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line)),
      ),
    verify(keys = [], reported) {
      const context = chainContext(keys, reported === undefined ? [] : [reported]);
      const check = new ChainCheck(context);
      const chain = new FolderChain(folder, { name: '', replica: null });
      // At once: nothing of it waits
      void chain.read(check);
      chain.end(
        check,
        context.heads.filter((head) => !context.found.has(head)),
      );
      const { rows, segments, head, problems, more, notes } = check;
      return { rows, segments, head, problems, more, notes };
    },
  };
  return self;
}
