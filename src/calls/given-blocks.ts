import type { BlockedChange } from '../pipeline/blocked-hashes.ts';
import type { BlockedTexts, SharedBlocks } from '../pipeline/blocked-texts.ts';

/** Texts that were blocked in other processes. */
export type GivenBlocks = {
  readonly known: SharedBlocks;
  /** Tells the others of a change here. */
  tell(change: BlockedChange): void;
  /** Called with each change elsewhere. */
  onChange(listener: (change: BlockedChange) => void): void;
};

/** Blocked texts for the thread of large calls and other processes, which tell each other through this one. */
export function blocksOfAll(
  own: BlockedTexts,
  others: GivenBlocks,
): Pick<BlockedTexts, 'apply' | 'onChange'> {
  own.onChange((change) => others.tell(change));
  return {
    apply(change) {
      own.apply(change);
      others.tell(change);
    },
    onChange(listener) {
      own.onChange(listener);
      others.onChange((change) => {
        own.apply(change);
        listener(change);
      });
    },
  };
}
