import { onTestFinished } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { conforms, type OutboxPlace } from '../outbox/conformance.ts';
import { databaseConfig } from './server.ts';
import { sharedPlace } from './shared-outbox.ts';

conforms('the outbox in Postgres', { isShared: true, place });

function place(): OutboxPlace {
  const config = databaseConfig();
  const { open } = sharedPlace(config);
  const outside = new Database(config, 'command');
  onTestFinished(() => outside.close());
  return {
    open,
    async spoil(recordId) {
      const spoilt = `UPDATE payload SET body = 'not what it was' WHERE id = (SELECT id FROM record WHERE record_id = $1::uuid)`;
      await outside.query(spoilt, [recordId]);
    },
  };
}
