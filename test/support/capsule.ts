import { json } from './fake-backend.ts';

export const capsuleAllows = json({ decision: 'allow' });
export const capsuleDenies = (reason = 'policy violation') => json({ decision: 'deny', reason });
