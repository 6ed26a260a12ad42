import { json } from './fake-backend.ts';

export const capsuleAllows = json({ decision: 'allow' });
export const capsuleDenies = (reason = 'policy violation') => json({ decision: 'deny', reason });

/** Takes every post, as Capsule does. */
export const capsuleTakes = json({ ok: true });
