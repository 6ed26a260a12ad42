import type { Edit } from '../detectors/edit.ts';

/** What was redacted in a request, to be put back into its answer. */
export type Vault = {
  /** Remembers what a marker with some number stands for. */
  put(marker: string, value: string, number?: number): void;
  /** The highest number of a marker. */
  highest(): number;
  /** Where markers stand in an answer, with what they stand for, and from where on more of one may follow. */
  restore(text: string): {
    readonly edits: readonly (Edit & { readonly from: number })[];
    readonly open: number;
  };
};

const MAX_VAULTS = 1000;
const MAX_VALUES = 1000;
const MAX_AGE_MS = 15 * 60_000;

/** The vaults of the calls under way, in memory alone: bounded by number and age, and forgotten at a restart. */
export function createVaults(now = () => performance.now()) {
  const vaults = new Map<string, { vault: Vault; at: number }>();
  return {
    of(litellmCallId: string): Vault | undefined {
      const entry = vaults.get(litellmCallId);
      return entry === undefined || now() - entry.at > MAX_AGE_MS ? undefined : entry.vault;
    },
    open(litellmCallId: string): Vault {
      for (const [id, { at }] of vaults) {
        if (now() - at <= MAX_AGE_MS) break;
        vaults.delete(id);
      }
      const vault = createVault();
      vaults.delete(litellmCallId);
      vaults.set(litellmCallId, { vault, at: now() });
      if (vaults.size > MAX_VAULTS) vaults.delete(vaults.keys().next().value as string);
      return vault;
    },
  };
}

/** Markers that only differ in their numbers. */
type Group = { readonly beginning: string; readonly values: Map<string, string>; lengths: readonly number[] };

/** Markers are looked for by what they begin with, of which there are few: a thousand cost no more than a dozen. */
function createVault(): Vault {
  const groups = new Map<string, Group>();
  let size = 0;
  let highest = 0;
  return {
    highest: () => highest,
    put(marker, value, number = 0) {
      highest = Math.max(highest, number);
      const beginning = marker.replace(/\d{1,9}\]?$/, '');
      const end = marker.slice(beginning.length);
      const group: Group = groups.get(beginning) ?? { beginning, values: new Map(), lengths: [] };
      if (!group.values.has(end) && size === MAX_VALUES) return;
      if (!group.values.has(end)) size++;
      groups.set(beginning, group);
      group.values.set(end, copyOf(value));
      if (group.lengths.includes(end.length)) return;
      group.lengths = [...group.lengths, end.length].sort((a, b) => b - a);
    },
    restore(text) {
      const edits = [...groups.values()].flatMap((group) => editsOf(group, text));
      const open = Math.min(text.length, ...[...groups.values()].map((group) => openOf(group, text)));
      return { edits: edits.sort((a, b) => a.start - b.start || b.end - a.end), open };
    },
  };
}

/** A part of a string keeps the whole of it in memory; a copy does not. */
function copyOf(part: string): string {
  return Buffer.from(part, 'utf16le').toString('utf16le');
}

/** Of two markers that begin at one place the longer one stands there: MAIL_12, not MAIL_1. */
function editsOf({ beginning, values, lengths }: Group, text: string): (Edit & { from: number })[] {
  const edits: (Edit & { from: number })[] = [];
  for (let start = text.indexOf(beginning); start >= 0; start = text.indexOf(beginning, start + 1)) {
    const at = start + beginning.length;
    const end = lengths.map((length) => text.slice(at, at + length)).find((found) => values.has(found));
    if (end === undefined) continue;
    edits.push({ start, end: at + end.length, from: start, text: values.get(end) as string });
  }
  return edits;
}

/** Where the end of a text cuts off what could be a marker. */
function openOf({ beginning, values, lengths: [longest = 0] }: Group, text: string): number {
  for (let at = Math.max(0, text.length - beginning.length - longest + 1); at < text.length; at++) {
    const rest = text.slice(at);
    if (!rest.startsWith(beginning.slice(0, rest.length))) continue;
    for (const end of values.keys()) {
      const marker = beginning + end;
      if (marker.length > rest.length && marker.startsWith(rest)) return at;
    }
  }
  return text.length;
}
