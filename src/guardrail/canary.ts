import { randomBytes } from 'node:crypto';

const PREFIX = 'guardrail-bridge-doctor-';
const CANARY = new RegExp(`^${PREFIX}[0-9a-f]{32}$`);

/** The text of a canary: it holds nothing that anybody judges ill. */
export const CANARY_TEXT = 'This is a test call of the guardrail bridge. Please reply with the word OK.';

/** A call id by which the bridge recognises a call of the doctor. Nobody can guess it. */
export const newCanaryId = (): string => PREFIX + randomBytes(16).toString('hex');

/** True for the id of a call that the doctor may have made. */
export const isCanaryId = (callId: string | null | undefined): callId is string =>
  callId?.startsWith(PREFIX) === true && CANARY.test(callId);
