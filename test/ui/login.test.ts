import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { newSession, SESSION_MS } from '../../src/http/session.ts';
import { assetPath } from '../../src/ui/assets.ts';
import { form, opsServer, type Reply, send } from '../support/ops.ts';

const STYLESHEET = assetPath('page.css');
const KEYED = { BRIDGE_API_KEYS: 'page-key,old-key' };
const APART = { OPS_PORT: '1', OPS_API_KEYS: 'page-key,old-key', BRIDGE_API_KEYS: 'call-key' };
const HTML = { accept: 'text/html,*/*;q=0.8' };
const ALL_KEYED = [
  { name: 'beside guardrail calls', env: KEYED },
  { name: 'at OPS_PORT', env: APART },
];

/** The cookie that a reply sets, as a browser sends it, and its attributes. */
function cookieOf({ headers }: Reply) {
  const [set = ''] = headers['set-cookie'] ?? [];
  const [pair = '', ...attributes] = set.split('; ');
  return { pair, attributes: attributes.toSorted() };
}

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(0, '::1', () => server.close(() => resolve(true)));
});

describe.each(ALL_KEYED)('the page $name', ({ env }) => {
  test.each([
    ['x-api-key', { 'x-api-key': 'page-key' }],
    ['the key that is rotated out', { 'x-api-key': 'old-key' }],
    ['Authorization: Bearer', { authorization: 'Bearer page-key' }],
    ['a wrong header beside a right one', { 'x-api-key': 'no', authorization: 'Bearer page-key' }],
  ])('is opened by %s', async (_, headers) => {
    const page = await opsServer(env);
    expect((await page.send('/ui', { headers })).status).toBe(200);
    expect((await page.send('/ui/records', { headers })).body).toContain('<h1>Records</h1>');
    expect(await page.refused('wrong_key')).toBe(0);
  });

  test('asks a browser for a key in place of what it wanted, and a program in JSON', async () => {
    const page = await opsServer(env);
    const { status, headers, body } = await page.send('/ui/records?team=a%22b', { headers: HTML });
    expect([status, headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
    expect(body).toContain('<input type="hidden" name="next" value="/ui/records?team=a%22b">');
    expect(body).toContain('<form class="login" method="post" action="/ui/login">');
    expect(body).not.toContain('role="alert"');
    const json = await page.send('/ui/events');
    expect([json.status, JSON.parse(json.body).error.type]).toEqual([401, 'unauthorized']);
    expect(await page.refused('no_key')).toBe(2);
    expect(page.lines()).toEqual([]);
  });

  test('does not open without a key, nor by a wrong one, which is counted and told without its value', async () => {
    const page = await opsServer(env);
    const wrong = [
      { 'x-api-key': 'page-ke' },
      { authorization: 'Bearer page-key2' },
      { cookie: 'guardrail_bridge=page-key' },
      { cookie: `guardrail_bridge_${page.port}=${newSession('another-key')}` },
    ];
    const statuses = await Promise.all(
      wrong.map(async (headers) => (await page.send('/ui/records', { headers })).status),
    );
    expect(statuses).toEqual([401, 401, 401, 401]);
    // A cookie of another name is none
    expect([await page.refused('wrong_key'), await page.refused('no_key')]).toEqual([3, 1]);
    expect(page.lines().map(({ msg, at, level }) => [level, msg, at])).toEqual([
      ['warn', 'a wrong key was refused', 'ui'],
    ]);
    expect(JSON.stringify(page.lines())).not.toContain('page-ke');
  });

  test('sets a cookie for a key in its form, and goes on to where somebody wanted to be', async () => {
    const page = await opsServer(env);
    const login = await page.send('/ui/login', form({ key: ' page-key ', next: '/ui/records?since=1' }));
    expect([login.status, login.headers.location]).toEqual([303, '/ui/records?since=1']);
    const { pair, attributes } = cookieOf(login);
    expect(pair).toMatch(new RegExp(`^guardrail_bridge_${page.port}=[\\w.-]+$`));
    expect(attributes).toEqual([`HttpOnly`, `Max-Age=${SESSION_MS / 1000}`, 'Path=/', 'SameSite=Strict']);
    expect(JSON.stringify(login)).not.toContain('page-key');
    const cookie = { cookie: `other=1; ${pair}` };
    expect((await page.send('/ui/records', { headers: cookie })).status).toBe(200);
    const again = await page.send('/ui/login?next=/ui/records', { headers: cookie });
    expect([again.status, again.headers.location]).toEqual([303, '/ui/records']);
  });

  test('has browsers send the cookie over TLS alone, where that is how they come', async () => {
    const page = await opsServer(env);
    for (const [proto, isSecure] of [
      ['https', true],
      ['HTTPS, http', true],
      ['http', false],
      ['http, https', false],
    ] as const) {
      const login = await page.send('/ui/login', form({ key: 'page-key' }, { 'x-forwarded-proto': proto }));
      expect([proto, cookieOf(login).attributes.includes('Secure')]).toEqual([proto, isSecure]);
    }
  });

  test('takes its cookie away at the end, and one that no key seals any more', async () => {
    const page = await opsServer(env);
    const { pair } = cookieOf(await page.send('/ui/login', form({ key: 'page-key' })));
    const name = pair.split('=')[0];
    const shown = async (headers: Record<string, string>) => (await page.send('/ui', { headers })).body;
    expect(await shown({ cookie: pair })).toContain(
      '<form class="log-out" method="post" action="/ui/logout">',
    );
    expect(await shown({ 'x-api-key': 'page-key' })).not.toContain('log-out');
    const logout = await page.send('/ui/logout', form({}, { cookie: pair }));
    expect([logout.status, logout.headers.location]).toEqual([303, '/ui/login']);
    expect(logout.headers['set-cookie']).toEqual([`${name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict`]);
    const rotated = await page.send('/ui', { headers: { ...HTML, cookie: `${name}=${newSession('gone')}` } });
    expect(rotated.status).toBe(401);
    expect(cookieOf(rotated).pair).toBe(`${name}=`);
  });

  test('is open to no cookie that has expired, which is no wrong key', async () => {
    const page = await opsServer(env);
    const old = newSession('page-key', Date.now() - SESSION_MS);
    const headers = { ...HTML, cookie: `guardrail_bridge_${page.port}=${old}` };
    expect((await page.send('/ui', { headers })).status).toBe(401);
    expect([await page.refused('wrong_key'), await page.refused('no_key')]).toEqual([0, 1]);
  });

  test('tells of a wrong key in its form, and shows it nowhere', async () => {
    const page = await opsServer(env);
    const wrong = await page.send('/ui/login', form({ key: 'wrong-<b>key', next: '/ui/records' }, HTML));
    expect(wrong.status).toBe(401);
    expect(wrong.body).toContain('This key is not known here.');
    expect(wrong.body).toContain('value="/ui/records"');
    expect(wrong.body).not.toContain('wrong-');
    expect(wrong.headers['set-cookie']).toBeUndefined();
    const none = await page.send('/ui/login', form({ next: '/ui/records' }));
    expect([none.status, none.headers['set-cookie']]).toEqual([401, undefined]);
    expect([await page.refused('wrong_key'), await page.refused('no_key')]).toEqual([1, 1]);
  });

  test.each([
    'https://evil.example/ui',
    '//evil.example/ui',
    '/\\evil.example',
    '/ui/..//evil.example',
    '/ui/../metrics',
    'javascript:alert(1)',
    '/uix',
    '/ui/login?next=/ui/login',
    '/ui/logout',
    `/ui/${'a'.repeat(3000)}`,
    '',
  ])('never leads to %j', async (next) => {
    const page = await opsServer(env);
    const login = await page.send('/ui/login', form({ key: 'page-key', next }));
    expect([login.status, login.headers.location]).toEqual([303, '/ui']);
    const { body } = await page.send(`/ui/login?next=${encodeURIComponent(next)}`);
    expect(body).toContain('name="next" value="/ui">');
  });

  test('keeps what is asked for out of its markup', async () => {
    const page = await opsServer(env);
    const { body } = await page.send('/ui/records?a="><script>alert(1)</script>', { headers: HTML });
    expect(body).not.toContain('<script');
  });

  test('waits for the cookie of a browser that comes by a link from elsewhere', async () => {
    const page = await opsServer(env);
    const fromSite = async (site: string) =>
      (await page.send('/ui/records', { headers: { ...HTML, 'sec-fetch-site': site } })).headers.refresh;
    expect(await fromSite('cross-site')).toBe('0');
    expect(await fromSite('same-origin')).toBeUndefined();
  });

  test('gives everybody the files that its form needs', async () => {
    const page = await opsServer(env);
    const { status, headers } = await page.send(STYLESHEET);
    expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect((await page.send('/ui', { headers: HTML })).body).toContain(STYLESHEET);
    expect((await page.send('/ui/assets/1/none.css')).status).toBe(404);
    expect((await page.send('/ui/assets/../records')).status).toBe(401);
  });
});

test('any process with the key takes a cookie, and none without it', async () => {
  const [one, other, rotated] = [
    await opsServer(KEYED),
    await opsServer(APART),
    await opsServer({ BRIDGE_API_KEYS: 'new-key' }),
  ];
  // Behind a balancer all have the same name
  const headers = { host: 'bridge.example:9090' };
  const login = await one.send('/ui/login', form({ key: 'page-key' }, headers));
  const { pair } = cookieOf(login);
  expect(pair).toMatch(/^guardrail_bridge_9090=/);
  const statusAt = async (server: typeof one) =>
    (await server.send('/ui', { headers: { ...headers, cookie: pair } })).status;
  expect([await statusAt(one), await statusAt(other), await statusAt(rotated)]).toEqual([200, 200, 401]);
});

test('a cookie opens metrics and readiness at OPS_PORT too', async () => {
  const page = await opsServer(APART);
  const { pair } = cookieOf(await page.send('/ui/login', form({ key: 'page-key' })));
  for (const path of ['/metrics', '/readyz']) {
    expect((await page.send(path, { headers: { cookie: pair } })).status).toBe(200);
    expect((await page.send(path)).status).toBe(401);
  }
});

test('a right key does not wait behind wrong ones, and beyond eight of a sender those are refused at once', async () => {
  const page = await opsServer(KEYED);
  const order: string[] = [];
  const wrong = Array.from({ length: 12 }, async () => {
    const { status } = await page.send('/ui', { headers: { 'x-api-key': 'wrong' } });
    order.push(String(status));
  });
  await expect.poll(() => order.length, { timeout: 20_000, interval: 5 }).toBeGreaterThanOrEqual(4);
  // The others wait: longer than all that happens until they are told to go
  expect((await page.send('/ui', { headers: { 'x-api-key': 'page-key' } })).status).toBe(200);
  order.push('right');
  page.bridge.startDraining();
  await Promise.all(wrong);
  expect(order.filter((one) => one === '429')).toHaveLength(4);
  expect(order.indexOf('right')).toBeLessThan(order.lastIndexOf('401'));
  expect([await page.refused('crowded'), await page.refused('wrong_key')]).toEqual([4, 8]);
  expect(page.lines()).toHaveLength(1);
});

test('beyond sixteen wrong keys in a row none is compared, and the connection ends, unless a right one came before', async () => {
  for (const isKnown of [false, true]) {
    const page = await opsServer(KEYED);
    const right = { headers: { 'x-api-key': 'page-key' } };
    const { pair } = cookieOf(await page.send('/ui/login', form({ key: isKnown ? 'page-key' : '' })));
    const wrong = Array.from({ length: 24 }, (_, i) =>
      i % 2 === 0
        ? page.send('/ui/login', { headers: { 'x-api-key': 'wrong' } })
        : page.send('/ui/login', form({ key: 'wrong' })),
    );
    await expect.poll(() => page.refused('crowded'), { timeout: 20_000 }).toBe(16);
    const { status, headers } = await page.send('/ui', right);
    expect([status, headers.connection]).toEqual(isKnown ? [200, 'close'] : [429, 'close']);
    const login = await page.send('/ui/login', form({ key: 'page-key' }));
    expect(login.status).toBe(isKnown ? 303 : 429);
    if (isKnown) expect((await page.send('/ui', { headers: { cookie: pair } })).status).toBe(200);
    page.bridge.startDraining();
    await Promise.all(wrong);
  }
});

test('nobody who has left takes a place among those that wait', async () => {
  const page = await opsServer(KEYED);
  const left = new AbortController();
  const sent = { headers: { 'x-api-key': 'wrong' } };
  const gone = Array.from({ length: 8 }, () =>
    page.send('/ui', { ...sent, signal: left.signal }).catch(() => undefined),
  );
  await expect.poll(() => page.lines().length).toBe(1);
  left.abort();
  await Promise.all(gone);
  await expect.poll(() => page.refused('wrong_key'), { timeout: 20_000 }).toBe(8);
  const next = page.send('/ui', sent);
  page.bridge.startDraining();
  expect((await next).status).toBe(401);
});

describe('in every reply below /ui', () => {
  const POLICY =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  test.each([
    ['a page', '/ui', { 'x-api-key': 'page-key' }, 200],
    ['the form', '/ui', HTML, 401],
    ['a refusal', '/ui/records', {}, 401],
    ['a path that is not there', '/ui/nope', { 'x-api-key': 'page-key' }, 404],
    ['a way on', '/ui/', { 'x-api-key': 'page-key' }, 301],
    ['a file', STYLESHEET, {}, 200],
  ])('%s tells browsers what they may do', async (_, path, headers, status) => {
    const page = await opsServer(KEYED);
    const reply = await page.send(path, { headers });
    expect(reply.status).toBe(status);
    expect(reply.headers).toMatchObject({
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    if (path !== STYLESHEET) expect(reply.headers['cache-control']).toBe('no-store');
  });
});

describe('without a key', () => {
  test.each([
    ['beside guardrail calls', {}],
    ['at OPS_PORT', { OPS_PORT: '1', BRIDGE_API_KEYS: 'call-key' }],
  ])('the page %s answers to its own names alone', async (_, env) => {
    const page = await opsServer(env);
    const statusOf = async (host: string) => (await page.send('/ui', { headers: { host } })).status;
    for (const host of ['localhost', '127.0.0.1', '[::1]'])
      expect([host, await statusOf(`${host}:${page.port}`), await statusOf(host)]).toEqual([host, 200, 200]);
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.1',
      '[::2]',
    ])
      expect([host, await statusOf(host)]).toEqual([host, 403]);
    const { body } = await page.send('/ui', { headers: { host: 'evil.example' } });
    expect(JSON.parse(body).error.message).toContain('open it by one of them');
    expect(await page.refused('host')).toBe(6);
    expect((await page.send(STYLESHEET, { headers: { host: 'evil.example' } })).status).toBe(403);
  });

  test('the page answers to the address that it listens on', async () => {
    const page = await opsServer({ HOST: '127.1.2.3' }, '0.0.0.0');
    expect((await send(page.port, '/ui', { host: '127.1.2.3' })).status).toBe(200);
    expect((await send(page.port, '/ui', { host: '127.0.0.2' })).status).toBe(200);
    expect((await send(page.port, '/ui', { host: '127.0.0.2', headers: { host: '127.0.0.3' } })).status).toBe(
      403,
    );
  });

  test.skipIf(!hasIpv6)('the page answers over IPv6', async () => {
    const page = await opsServer({ HOST: '::1' }, '::');
    expect((await send(page.port, '/ui', { host: '::1' })).status).toBe(200);
    expect((await send(page.port, '/ui', { host: '127.0.0.1', headers: { host: '127.0.0.1' } })).status).toBe(
      200,
    );
    expect((await send(page.port, '/ui', { host: '::1', headers: { host: 'evil.example' } })).status).toBe(
      403,
    );
  });

  test('with keys any name will do: a browser has none to send', async () => {
    const page = await opsServer(KEYED);
    const headers = { host: 'bridge.example', 'x-api-key': 'page-key' };
    expect((await page.send('/ui', { headers })).status).toBe(200);
  });

  test('there is nothing to log in to', async () => {
    const page = await opsServer({});
    const login = await page.send('/ui/login?next=/ui/records');
    expect([login.status, login.headers.location]).toEqual([303, '/ui/records']);
    const posted = await page.send('/ui/login', form({ key: 'any' }));
    expect([posted.status, posted.headers['set-cookie']]).toEqual([303, undefined]);
  });
});

describe('a form', () => {
  const key = { 'x-api-key': 'page-key' };

  test.each<[string, Record<string, string>, boolean]>([
    ['of the page', { 'sec-fetch-site': 'same-origin', origin: 'null' }, true],
    ['that a person sends again', { 'sec-fetch-site': 'none' }, true],
    ['of the page over plain http', { origin: 'http://HOST' }, true],
    ['behind a proxy that takes TLS off', { origin: 'https://HOST' }, true],
    ['of no browser', {}, true],
    ['of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, false],
    ['of another host of the site', { 'sec-fetch-site': 'same-site', origin: 'http://HOST' }, false],
    ['of another site over plain http', { origin: 'http://evil.example' }, false],
    ['of a frame without an origin', { origin: 'null' }, false],
    ['of another port', { origin: 'http://127.0.0.1:1' }, false],
    ['with an origin that is none', { origin: 'HOST' }, false],
  ])('%s', async (_, headers, isTaken) => {
    const page = await opsServer(KEYED);
    const sent = Object.entries(headers).map(([name, value]) => [
      name,
      value.replace('HOST', `127.0.0.1:${page.port}`),
    ]);
    const reply = await page.send(
      '/ui/playground',
      form({ text: 'a rose' }, { ...key, ...Object.fromEntries(sent) }),
    );
    expect(reply.status).toBe(isTaken ? 200 : 403);
    expect(await page.refused('origin')).toBe(isTaken ? 0 : 1);
    const login = await page.send('/ui/login', form({ key: 'page-key' }, Object.fromEntries(sent)));
    expect([login.status, login.headers['set-cookie'] !== undefined]).toEqual(
      isTaken ? [303, true] : [403, false],
    );
  });

  test('that asks for a key is small', async () => {
    const page = await opsServer(KEYED);
    const login = await page.send('/ui/login', form({ key: 'a'.repeat(40_000) }));
    expect([login.status, JSON.parse(login.body).error.type]).toEqual([413, 'too_large']);
    const packed = await page.send('/ui/login', form({ key: 'page-key' }, { 'content-encoding': 'gzip' }));
    expect([packed.status, packed.headers['set-cookie']]).toEqual([415, undefined]);
    expect([await page.refused('too_large'), await page.refused('content_encoding')]).toEqual([1, 1]);
  });

  test('with a wrong key is not read', async () => {
    const page = await opsServer(KEYED);
    expect((await page.send('/ui/playground', form({ text: 'a rose' }))).status).toBe(401);
    expect((await page.send('/ui/playground', form({ text: 'a rose' }, { 'x-api-key': 'no' }))).status).toBe(
      401,
    );
  });
});

test('ALLOWED_IPS say who may see the page beside guardrail calls, and not who may at OPS_PORT', async () => {
  const beside = await opsServer({ ...KEYED, ALLOWED_IPS: '10.0.0.0/8' });
  const headers = { 'x-api-key': 'page-key' };
  expect((await beside.send('/ui', { headers })).status).toBe(403);
  expect((await beside.send(STYLESHEET, { headers })).status).toBe(403);
  expect(await beside.refused('address')).toBe(2);
  const apart = await opsServer({ ...APART, ALLOWED_IPS: '10.0.0.0/8' });
  expect((await apart.send('/ui', { headers })).status).toBe(200);
});

test('what is not there at OPS_PORT is told in words, and all begins at the page', async () => {
  const page = await opsServer(APART);
  const home = await page.send('/');
  expect([home.status, home.headers.location]).toEqual([302, '/ui']);
  const nope = await page.send('/v1/litellm/logs', { body: '{}' });
  expect([nope.status, JSON.parse(nope.body).error.message]).toEqual([
    404,
    expect.stringContaining('/ui, /metrics, /readyz and /healthz stand here'),
  ]);
});
