import type { LargeCallOutlets } from './large-call-outlets.ts';
import type { RecordOfLargeCall } from './protocol.ts';
import { UnstoredRecords } from './unstored-records.ts';

/** Hands over the records of large calls, and knows how much is not stored yet. */
export class LargeCallRecords {
  readonly #records: LargeCallOutlets['records'];
  readonly #unstored: UnstoredRecords;

  /** @param onLess called when less is to be stored */
  constructor(records: LargeCallOutlets['records'], onLess: () => void) {
    this.#records = records;
    this.#unstored = new UnstoredRecords(onLess);
  }

  /** Bytes that are not stored yet. */
  get bytes(): number {
    return this.#unstored.bytes;
  }

  /** Resolves once a record is durable, or cannot be waited for. */
  async store(record: RecordOfLargeCall): Promise<void> {
    switch (record.kind) {
      case 'recording': {
        const onDone = this.#unstored.add(record.body.length);
        try {
          await this.#records?.recordCall(record.body);
        } finally {
          onDone();
        }
        break;
      }
      case 'blocked': {
        const onDone = this.#unstored.add(record.json.length);
        await this.#records?.blockedJson(record.callId, record.json, onDone);
      }
    }
  }
}
