import type { Edit } from './redaction.ts';

/** What was redacted in a request, to be put back into its answer. */
export type Vault = {
  /** Remembers what a marker stands for. */
  put(marker: string, value: string): void;
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
      const vault = createVault();
      vaults.delete(litellmCallId);
      vaults.set(litellmCallId, { vault, at: now() });
      if (vaults.size > MAX_VAULTS) vaults.delete(vaults.keys().next().value as string);
      return vault;
    },
  };
}

function createVault(): Vault {
  const values = new Map<string, string>();
  return {
    put(marker, value) {
      if (values.size < MAX_VALUES) values.set(marker, value);
    },
    restore(text) {
      const edits: (Edit & { from: number })[] = [];
      let open = text.length;
      for (const [marker, value] of values) {
        for (
          let start = text.indexOf(marker);
          start >= 0;
          start = text.indexOf(marker, start + marker.length)
        ) {
          edits.push({ start, end: start + marker.length, from: start, text: value });
        }
        for (let length = Math.min(marker.length - 1, text.length); length > 0; length--) {
          if (!text.endsWith(marker.slice(0, length))) continue;
          open = Math.min(open, text.length - length);
          break;
        }
      }
      return { edits: edits.sort((a, b) => a.start - b.start), open };
    },
  };
}
