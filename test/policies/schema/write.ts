import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { policySchema } from './policy-schema.ts';

const FILE = join(import.meta.dirname, '..', '..', '..', 'examples', 'policies', 'policies.schema.json');
writeFileSync(FILE, `${JSON.stringify(policySchema(), null, 2)}\n`);
