import type { Entry, OutboxStats, RecordOutbox } from './contract.ts';

const NOTHING: OutboxStats = { usedBytes: 0, maxBytes: 1, backends: {} };

/** Keeps nothing: for a bridge that only compares what LiteLLM logs with what it has judged. */
export class NoOutbox implements RecordOutbox {
  async accept(entries: readonly Entry[]) {
    return entries.map(() => 'duplicate' as const);
  }

  async due() {
    return [];
  }

  async ack() {}

  async known() {
    return new Map();
  }

  async appendNotes() {}

  async notes() {
    return [];
  }

  async stats() {
    return NOTHING;
  }

  async maintain() {}

  async changedElsewhere() {
    return false;
  }

  async close() {}
}
