import type { BackendRow } from '../backend-row.ts';
import { KEY } from '../backend-row.ts';
import { capsuleAllows, capsuleDenies } from '../capsule.ts';
import { json } from '../fake-backend.ts';

export const row: BackendRow = {
  kind: 'capsule',
  environment: (url) => ({
    CAPSULE_LITELLM_ENDPOINT: `${url}/v1/litellm/hooks`,
    CAPSULE_LITELLM_TOKEN: KEY,
    CAPSULE_LITELLM_FAIL_OPEN: 'false',
  }),
  judges: ['request'],
  allow: capsuleAllows,
  block: capsuleDenies,
  wrongTypes: json({ decision: true, reason: 'no' }),
  wrongShape: (said) => json({ verdict: said }),
  secrets: ['events/pre'],
};
