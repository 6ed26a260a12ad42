import { type RecordedCall, type Recorder, startRecorder } from './recorder.ts';

/** Words that the fake Akto looks for. Both are invented. */
export const forbidden = 'turnip';
export const address = 'ada@example.com';
export const masked = '[address]';
/** Why it denies. */
export const reason = 'Root vegetables are not allowed';

/** An Akto which denies what holds {@link forbidden}, masks {@link address}, and can be told not to reply. */
export async function startFakeAkto(behaviour: 'judge' | 'allow' | 'hang' = 'judge'): Promise<Recorder> {
  return startRecorder((call) => {
    if (behaviour === 'hang') return 'hang';
    if (behaviour === 'allow') return { json: verdict({ Allowed: true }) };
    return judge(call);
  });
}

/** Judges what it is sent to judge, and takes every batch. */
export function judge({ path, body, query }: RecordedCall): { json: unknown } {
  if (path.endsWith('/api/ingestData')) return { json: { success: true } };
  const payload = String(query.response_guardrails === 'true' ? body.responsePayload : body.requestPayload);
  if (payload.includes(forbidden)) {
    return { json: verdict({ Allowed: false, Reason: reason }) };
  }
  if (!payload.includes(address)) return { json: verdict({ Allowed: true }) };
  const ModifiedPayload = payload.replaceAll(address, masked);
  return { json: verdict({ Allowed: true, Modified: true, ModifiedPayload }) };
}

const verdict = (guardrailsResult: Record<string, unknown>) => ({
  success: true,
  message: 'Request processed successfully',
  data: {
    success: true,
    guardrailsResult: { Reason: '', behaviour: '', Modified: false, ...guardrailsResult },
  },
});
