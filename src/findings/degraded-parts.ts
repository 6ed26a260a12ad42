import { commandLine } from '../config/command-line.ts';
import type { BridgeFinding } from './finding.ts';

/** Parts of a bridge that `/readyz` can name beside vendors and findings. */
export const PARTS = ['outbox', 'database', 'audit', 'decisions', 'workers'] as const;
export type Part = (typeof PARTS)[number];

const TROUBLE: Readonly<Record<Part, { readonly message: string; readonly advice: string }>> = {
  outbox: {
    message: 'records cannot be stored, or soon not, or a vendor takes none',
    advice: `see ${commandLine('outbox status')}, and the disk of DATA_DIR`,
  },
  database: {
    message: 'the database that replicas share cannot be used',
    advice: `see that it runs and that DATABASE_URL is right: ${commandLine('doctor --no-bridge')}; calls are judged meanwhile, and what waits in DATA_DIR is handed over later`,
  },
  audit: {
    message: 'decisions cannot be written to the audit log, which has gaps since then',
    advice: 'see that DATA_DIR/audit can be written and has room; the log has the code of the error',
  },
  decisions: {
    message: 'decisions cannot be kept, so why and decisions do not know them',
    advice:
      'see that DATA_DIR can be written and has room, and the log for the code of the error; DECISIONS_DAYS=0 keeps none',
  },
  workers: {
    message: 'a worker is missing, and the others take all calls',
    advice:
      'it is started again by itself; if it ends again and again, see the log line "a worker ended" for why, and give it memory if the system killed it',
  },
};

/**
 * Advice on parts in trouble of which no other finding tells.
 *
 * @param uses of the database that fail
 */
export function degradedFindings(
  parts: readonly Part[],
  told: readonly BridgeFinding[],
  uses: readonly string[] = [],
): readonly BridgeFinding[] {
  const codes = new Set(told.map(({ code }) => code));
  const subjects = new Set(told.map(({ subject }) => subject));
  return parts
    .filter((part) => {
      // Records wait for a vendor that refuses the token, too
      if (part === 'outbox') return !codes.has('records_stopped') && !codes.has('backend_unauthorized');
      return !subjects.has(part);
    })
    .map((part) => {
      const { message, advice } = TROUBLE[part];
      const what = part === 'database' && uses.length > 0 ? `${message} for ${uses.join(', ')}` : message;
      return { code: 'bridge_degraded', subject: part, message: what, advice };
    });
}
