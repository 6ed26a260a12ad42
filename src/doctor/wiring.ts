import type { Env } from '../config/read.ts';
import { type BridgeFinding, FINDINGS, type FindingCode } from '../findings/finding.ts';
import type { ResponseRedaction } from '../litellm/response-wiring.ts';
import { quotedValue } from '../policies/file/nearest.ts';
import type { Path } from '../policies/file/problems.ts';
import type { LitellmConfig } from './litellm-file.ts';

/** Facts about the wiring in the bridge's own settings. */
export type BridgeFacts = {
  readonly port: number;
  /** Keys that callers may send; empty if none is known here. */
  readonly apiKeys: readonly string[];
  /** True if callers are asked for no key, wherever the bridge listens. */
  readonly isOpen: boolean;
  readonly responseRedaction: ResponseRedaction;
  /** Milliseconds that it has for the verdict on a call. */
  readonly longestCheckMs: number;
  /** True if some backend takes records. */
  readonly takesRecords: boolean;
};

export type WiringContext = {
  /** Of LiteLLM: `1.110.2`. */
  readonly release: string;
  /** The bridge's address as somebody told it; undefined if it is only known where it listens. */
  readonly bridge?: string | undefined;
  readonly settings: BridgeFacts;
  /** Variables that LiteLLM has, as far as they are known here. */
  readonly env: Env;
};

/** Something wrong at a line of LiteLLM's configuration. */
export type WiringFinding = BridgeFinding & { readonly file: string; readonly line: number };

export type FindingWords = Pick<BridgeFinding, 'message' | 'advice' | 'subject' | 'paste'>;

/** Gathers what is wrong with one configuration. */
export class WiringReport {
  readonly findings: WiringFinding[] = [];
  readonly config: LitellmConfig;
  readonly context: WiringContext;

  constructor(config: LitellmConfig, context: WiringContext) {
    this.config = config;
    this.context = context;
  }

  /** Adds a finding about the value at a path. */
  add(code: FindingCode, path: Path, words: FindingWords): void {
    const { file, line } = this.config.placeOf(path);
    const name = quotedValue(words.subject)?.replaceAll('"', '');
    const where = `${file}, line ${line}${name === undefined ? '' : ` (${name})`}`;
    this.findings.push({ code, file, line, ...words, message: `${where}: ${words.message}` });
  }

  /** Faults first, then by file and line. */
  sorted(): readonly WiringFinding[] {
    const rank = ({ code }: WiringFinding) => (FINDINGS[code] === 'fault' ? 0 : 1);
    return this.findings.toSorted(
      (a, b) => rank(a) - rank(b) || a.file.localeCompare(b.file) || a.line - b.line,
    );
  }
}
