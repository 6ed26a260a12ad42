import * as v from 'valibot';
import { defineKind } from '../policy.ts';

const MEDIA_NOT_ALLOWED = { rule: 'media', reasonCode: 'media_not_allowed' };

const options = v.strictObject({
  action: v.pipe(
    v.optional(v.picklist(['allow', 'block', 'backend']), 'block'),
    v.description('`backend` lets media pass only if a backend that judges media has judged the call.'),
  ),
});

/** Blocks or allows images, audio and files in requests and responses. */
export const imagePolicy = defineKind({
  kind: 'image-policy',
  judges: 'requests, responses',
  about: 'blocks images, audio and files',
  example: `
action: block            # backend: allow what a vendor has judged
`,
  options,
  create({ action }) {
    switch (action) {
      case 'allow':
        return {};
      case 'block':
        return { check: ({ call }) => (call.passages.media > 0 ? MEDIA_NOT_ALLOWED : undefined) };
      case 'backend':
        return { needsMediaBackend: ({ call }) => call.passages.media > 0 };
    }
  },
});
