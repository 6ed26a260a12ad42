import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { wordsOf } from '../../src/litellm/log-event.ts';
import { text } from '../support/fake-backend.ts';
import { eventOf, recordingBridge, until } from '../support/recording-bridge.ts';

/** Stands in everything that must not come out again. */
const CANARY = 'c4n4ry';
/** Put together here, so that no scanner takes this file for a leak. */
const SECRET = `AKIA${'IQ7BZK4W2T5RDMLX'}`;

const metadata = {
  user_api_key_team_id: `team-${CANARY}`,
  user_api_key_alias: CANARY,
  requester_custom_headers: { authorization: `Bearer ${CANARY}`, 'x-my-token': CANARY },
};
const event = (id: string, more: object = {}) =>
  eventOf(id, {
    messages: [{ role: 'user', content: `prompt ${CANARY} ${SECRET}` }],
    response: { choices: [{ message: { role: 'assistant', content: `answer ${CANARY}` } }] },
    error_str: CANARY,
    metadata,
    [CANARY]: CANARY,
    ...more,
  });

test('no content, credential or identity reaches a log line, a metric or a reply', async () => {
  const bridge = await recordingBridge(
    { LOG_LEVEL: 'trace', FAILURE_GRACE_SECONDS: '0.1' },
    { withCapsule: true },
  );
  const replies: unknown[] = [];
  const send = async (...args: Parameters<typeof bridge.send>) =>
    replies.push((await bridge.send(...args)).reply);

  await send([event('ok'), event('failed', { status: 'failure', id: 'failed' }), null, 7]);
  await send([event('ok')]);
  await send(`[${JSON.stringify(event('cut'))}, {"${CANARY}`);
  await send(`${CANARY}`);
  await send(gzipSync(JSON.stringify([event('zipped')])), { 'content-encoding': 'gzip' });
  await send(CANARY, { 'content-encoding': 'gzip' });
  await send([{ id: CANARY, startTime: CANARY, modelParameters: CANARY, usage: CANARY, metadata: CANARY }]);
  await bridge.ask({
    input_type: 'request',
    litellm_call_id: 'blocked',
    texts: [`turnip ${CANARY}`],
    request_data: metadata,
  });
  // Until they are taken: of a queue that gets 503 only the first is tried again
  for (const id of ['ok', 'zipped', 'blocked', 'failed']) await bridge.recordsOf(id);
  // Vendors that say it all back
  for (const status of [503, 400, 401]) {
    bridge.akto.server.reply = text(`${CANARY} ${SECRET}`, status);
    await send([event(`refused-${status}`)]);
    await until(
      async () => bridge.akto.server.seen.at(-1)?.text.includes(`refused-${status}`) || status !== 503,
    );
  }
  await until(() => bridge.lines.some(({ msg }) => msg.startsWith('records were not taken')));

  const shown = [
    ...bridge.lines.map((line) => JSON.stringify(line)),
    ...replies.map((reply) => JSON.stringify(reply)),
    await (await bridge.app.request('/metrics')).text(),
    await (await bridge.app.request('/readyz')).text(),
  ];
  for (const leak of [CANARY, SECRET, 'akto-key', 'capsule-token']) {
    expect(shown.filter((said) => said.includes(leak))).toEqual([]);
  }
  expect(
    bridge
      .records()
      .map((record) => record.text)
      .join(),
  ).toContain(CANARY);
});

test('credentials are neither stored nor delivered, nor is content where none is to be kept', async () => {
  const bridge = await recordingBridge({ NO_CONTENT_TEAMS: 'gdpr' });
  await bridge.send([
    event('kept'),
    event('withheld', { metadata: { ...metadata, user_api_key_team_alias: 'gdpr' } }),
  ]);
  await bridge.recordsOf('withheld');
  await bridge.recordsOf('kept');
  const sent = bridge.akto.server.seen.map((request) => request.text).join();
  expect(sent).not.toContain(SECRET);
  expect(sent).not.toContain(`Bearer ${CANARY}`);
  expect(sent).toContain(`prompt ${CANARY}`);
  const [withheld] = await bridge.recordsOf('withheld');
  expect(withheld?.request).toMatchObject({ messages: [{ role: 'user', content: '[content withheld]' }] });
  expect(withheld?.text).not.toMatch(new RegExp(`(?:prompt|answer) ${CANARY}`));
  await bridge.close();
  for (const file of fs.readdirSync(bridge.folder)) {
    const bytes = fs.readFileSync(path.join(bridge.folder, file)).toString('latin1');
    expect(bytes.includes(SECRET)).toBe(false);
  }
});

test('nothing made of a text is stored of a judged call where no content is to be kept', async () => {
  const bridge = await recordingBridge({ TELEMETRY_CONTENT: 'none' }, { withCapsule: true });
  for (const content of ['yes', 'turnip']) {
    await bridge.ask({
      input_type: 'request',
      litellm_call_id: `call-${content}`,
      texts: [content],
      structured_messages: [{ role: 'user', content }],
    });
  }
  await bridge.recordsOf('call-turnip');
  await bridge.send([eventOf('call-yes', { messages: [{ role: 'user', content: 'yes' }] })]);
  const [record] = await bridge.recordsOf('call-yes');
  // The note was joined
  expect(record?.tag.guardrail).toContain('request');
  await bridge.close();
  const db = new DatabaseSync(path.join(bridge.folder, 'outbox.db'), { readOnly: true });
  onTestFinished(() => db.close());
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const stored = tables.map(({ name }) => JSON.stringify(db.prepare(`SELECT * FROM "${name}"`).all())).join();
  expect(stored).toContain('call-yes');
  expect(stored).not.toContain('words');
  for (const content of ['yes', 'turnip']) expect(stored).not.toContain(String(wordsOf(content)));
});
