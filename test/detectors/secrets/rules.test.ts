import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { PLAIN, viewOf } from '../../../src/detectors/normalize/view.ts';
import type { AnchoredRule, Span } from '../../../src/detectors/rule.ts';
import { Scanner } from '../../../src/detectors/scan/scanner.ts';
import { HIGH_ENTROPY, SECRETS, TOKENS, VIRTUAL_KEY } from '../../../src/detectors/secrets/index.ts';
import { credentials, fill, pem } from '../../support/credentials.ts';
import { marked, secretSamples } from '../../support/secret-samples.ts';

const RULES = [...SECRETS, ...HIGH_ENTROPY];
const named = RULES.map((rule): [string, AnchoredRule] => [rule.id, rule]);
const samplesOf = ({ id }: AnchoredRule) => secretSamples.get(id) ?? { finds: [], passes: [] };

function find(rules: readonly AnchoredRule[], text: string): readonly Span[] {
  const view = viewOf(text, PLAIN);
  return new Scanner(rules).scan(view.text).findings.map((finding) => view.original(finding));
}

/** A sample as rules see it. */
function seen(sample: string): { text: string; start: number; end: number } {
  const { text, start, end } = marked(sample);
  const view = viewOf(text, PLAIN);
  return { text: view.text, start: view.viewed(start), end: view.viewed(end) };
}

describe('the rules for secrets', () => {
  test('have unique ids, and samples of both kinds', () => {
    const ids = RULES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...secretSamples.keys()].sort()).toEqual([...ids].sort());
    for (const rule of RULES) {
      expect(samplesOf(rule).finds, rule.id).not.toHaveLength(0);
      expect(samplesOf(rule).passes, rule.id).not.toHaveLength(0);
    }
  });

  test.each(named)('%s finds the whole of its samples, and nothing around them', (_, rule) => {
    for (const sample of samplesOf(rule).finds) {
      const { text, start, end } = marked(sample);
      expect(find([rule], text), text).toEqual([{ start, end }]);
      if (end === text.length) {
        expect(find([rule], `see ${text}, ok`), text).toEqual([{ start: start + 4, end: end + 4 }]);
      }
    }
  });

  test.each(named)('%s passes texts that only look alike', (_, rule) => {
    for (const text of samplesOf(rule).passes) expect(find([rule], text), text).toEqual([]);
  });

  test.each(named)('%s stays open until its sample is whole', (_, rule) => {
    for (const sample of samplesOf(rule).finds) {
      const { text, start, end } = seen(sample);
      const scanner = new Scanner([rule]);
      for (let length = 0; length <= end; length += length > 400 ? 97 : 1) {
        const part = text.slice(0, length);
        const { open } = scanner.scan(part, undefined, true);
        const shown = scanner.scan(part).findings.length === 0 ? open : Math.min(open, start);
        // Before its anchor nothing tells a secret, and only what stands before the anchor may be shown
        const anchors = rule.anchors
          .map((anchor) => text.toLowerCase().indexOf(anchor))
          .filter((at) => at >= 0);
        expect(shown, part).toBeLessThanOrEqual(Math.max(start, ...anchors));
      }
    }
  });

  test.each(named)('%s looks no further than it declares', (_, { id, ...rule }) => {
    if (id.endsWith('private-key') && id !== 'base64-private-key')
      expect(rule.reach()).toBe(Number.POSITIVE_INFINITY);
    else expect(rule.reach()).toBeLessThan(20_000);
  });

  test('leave prose and code alone', () => {
    for (const text of [
      'Our task-force met in Malaysia; the ask-me-anything was risk-free.',
      'sk-your-key-goes-here-ok and task-sk-learn-sk-image-classification',
      'linear: regression is simple. Discord: a sentry at the gate.',
      'const token = await getAccessToken(client_id); if (!password) throw new Error("password is missing");',
      'type Props = { password: string; secret?: string; apiKey: string | undefined };',
      'export OPENAI_API_KEY=$OPENAI_API_KEY && curl -H "Authorization: Bearer $OPENAI_API_KEY" https://a.example',
      'commit 9fceb02d0ae598e95dc970b74767f19372d61af8',
      '',
    ]) {
      expect(find(SECRETS, text), text).toEqual([]);
    }
  });

  test.each(credentials)('take the whole of %s', (_, secret) => {
    const spans = find(TOKENS, `see ${secret}`);
    expect(spans.length).toBeGreaterThan(0);
    expect(Math.max(...spans.map(({ end }) => end))).toBe(4 + secret.replace(/"$/, '').length);
  });

  test('find a token behind a row of fillers in the same word', () => {
    const token = `glpat-${fill(20)}`;
    const { start, end } = find(TOKENS, `${'glpat-xxxxx-'.repeat(4)}${token} ok`).at(-1) ?? {
      start: 0,
      end: 0,
    };
    expect(start).toBeLessThanOrEqual(48);
    expect(end).toBe(48 + token.length);
  });

  test('do not find the text that replaces a finding', () => {
    for (const rule of RULES) {
      for (const sample of samplesOf(rule).finds) {
        const { text, start, end } = marked(sample);
        const clean = `${text.slice(0, start)}[REDACTED]${text.slice(end)}`;
        expect(find([rule], clean), clean).toEqual([]);
      }
    }
  });
});

describe('a private key', () => {
  const last = (kind: string) => pem(kind).replace('BEGIN', 'END');
  const key = (kind: string) => `${pem(kind)}\nMIIEvQ${fill(60)}\n${fill(64)}\n${last(kind)}`;
  const clean = (text: string) => {
    let rest = text;
    for (const { start, end } of [...find(TOKENS, text)].reverse()) {
      rest = `${rest.slice(0, start)}[REDACTED]${rest.slice(end)}`;
    }
    return rest;
  };

  test('ends at its last line', () => {
    expect(clean(`a\n${key('RSA PRIVATE KEY')}\nb`)).toBe('a\n[REDACTED]\nb');
    expect(clean(`${key('PRIVATE KEY')} ${key('EC PRIVATE KEY')}`)).toBe('[REDACTED] [REDACTED]');
  });

  test.each(made())('is found as it is made: %s', (_, pem) => {
    expect(clean(`a\n${pem}\nb`)).toBe('a\n[REDACTED]\nb');
    expect(clean(`a\n${pem.slice(0, pem.indexOf('\n-----END'))}\nb`)).toMatch(
      /^a\n\[REDACTED\]\n(?:.{1,8}\n)?b$/,
    );
  });

  const base64 = [fill(64), fill(64), 'aB3dE5gH7Q=='];
  const cutOff = [pem('RSA PRIVATE KEY'), ...base64];
  const headed = [
    pem('RSA PRIVATE KEY'),
    'Proc-Type: 4,ENCRYPTED',
    `DEK-Info: AES-128-CBC,${fill(32, 'A1B2')}`,
    '',
    ...base64,
  ];

  test.each([
    ['as it is', cutOff.join('\n'), ''],
    ['with headers', headed.join('\n'), ''],
    ['in CRLF lines', cutOff.join('\r\n'), ''],
    ['in one line', cutOff.slice(0, 3).join(' '), ''],
    ['indented', cutOff.join('\n    '), ''],
    ['quoted in a mail', cutOff.join('\n> > '), ''],
    ['in a diff', cutOff.join('\n+'), ''],
    ['in a comment', cutOff.join('\n# '), ''],
    ['with numbers of lines', cutOff.map((line, i) => `${i + 1}\t${line}`).join('\n'), '1\t'],
    ['as grep lists it', cutOff.map((line, i) => `id_rsa:${i + 1}:${line}`).join('\n'), 'id_rsa:1:'],
    [
      'in a log',
      cutOff.map((line, i) => `Nov 27 06:0${i}:12 depot agent[71]: ${line}`).join('\n'),
      'Nov 27 06:00:12 depot agent[71]: ',
    ],
    ['with escaped line ends', cutOff.join('\\n'), ''],
    ['with escaped CRLF', cutOff.join('\\r\\n'), ''],
    ['put together in code', cutOff.join('\\n" +\n  "'), ''],
    ['in HTML', cutOff.join('<br>'), ''],
  ])('that is cut off ends with what looks like a key: %s', (_, key, prefix) => {
    for (const rest of [
      '\nand then restart the proxy.',
      '\n\nWhich command converts it?',
      '", "more": 1 }',
      '',
    ]) {
      expect(clean(`see\n${key}${rest}`)).toBe(`see\n${prefix}[REDACTED]${rest}`);
    }
  });

  const lines = [fill(64), fill(64), fill(64), fill(40)];
  const between = (separator: string, body: readonly string[] = lines) =>
    [pem('RSA PRIVATE KEY'), ...body, last('RSA PRIVATE KEY')].join(separator);
  const short = lines.join('').match(/.{1,12}/g) ?? [];

  test.each([
    ['in short lines', between('\n', short)],
    ['put together in code', between("' . PHP_EOL .\n  '")],
    ['called line by line', between('");\nwriter.append("')],
    ['with a part left out', between('\n(some lines are left out to save space here)\n', lines.slice(0, 2))],
    ['with lines of a log between', between('\n2026-11-27 06:12:31 ERROR worker 7: retry in 3 s\n')],
    ['in a form', `${between('%0A').replaceAll(' ', '+').replaceAll('=', '%3D')}`],
    ['behind a sentence', between('\nThe lines of the key follow, do not show them to anybody:\n')],
  ])('that has its last line goes as a whole: %s', (_, key) => {
    expect(clean(`see ${key}\nand then restart the proxy`)).toBe(
      'see [REDACTED]\nand then restart the proxy',
    );
  });

  test('ends before prose, though the last line of another follows it', () => {
    const prose = 'The harbour office opens at seven, and nobody there reads keys before noon. '.repeat(12);
    const cut = `${pem('RSA PRIVATE KEY')}\n${fill(64)}\n${fill(64)}`;
    expect(clean(`${cut}\n${prose}${last('RSA PRIVATE KEY')}`)).toBe(
      `[REDACTED]\n${prose}${last('RSA PRIVATE KEY')}`,
    );
    expect(clean(`${cut}\n\n${key('RSA PRIVATE KEY')} ok`)).toBe('[REDACTED]\n\n[REDACTED] ok');
  });

  test.each([
    `My file starts with ${pem('RSA PRIVATE KEY')} but OpenSSL 3 says "unsupported". Do I need the old one?`,
    `${pem('PRIVATE KEY')}\n...\n${last('PRIVATE KEY')} and then restart`,
    `${pem('PRIVATE KEY')}\nMIIE...\n${last('PRIVATE KEY')}`,
    `${pem('PRIVATE KEY')}\nYOUR_PRIVATE_KEY_GOES_HERE_1\n${last('PRIVATE KEY')}`,
    `START = b"${pem('OPENSSH PRIVATE KEY')}"\nEND = b"${last('OPENSSH PRIVATE KEY')}"`,
    `const t="${pem('PRIVATE KEY')}",n="${last('PRIVATE KEY')}";function getBase64EncodedPkcs8Key(e){return t+e+n}`,
    `Note: ${pem('PRIVATE KEY')}\nComment: a label alone\n\nis no key`,
  ])('is not a label alone: %j', (text) => {
    expect(clean(text)).toBe(text);
  });

  test('erases nothing behind the label in a bundle', () => {
    const bundle = `rows:3,placeholder:\`${pem('PRIVATE KEY')}\${t}\`,className:sK})})${'function a1(b){return c.d2(b)}'.repeat(9000)}`;
    expect(clean(bundle)).toBe(bundle);
  });

  test.each([
    ['whole', { key: key('PRIVATE KEY'), other: 'stays' }],
    ['cut off', { key: [`${pem('PRIVATE KEY')}\nMII${fill(61)}`, pem('PRIVATE KEY')], other: 'stays' }],
    [
      'within a string of JSON',
      { key: JSON.stringify({ pem: key('PRIVATE KEY'), more: 1 }), other: 'stays' },
    ],
  ])('leaves JSON that holds it %s valid', (_, value) => {
    const text = clean(JSON.stringify(value));
    expect(JSON.parse(text).other).toBe('stays');
    expect(text).toContain('[REDACTED]');
    expect(text).not.toContain('MII');
  });

  test('is open from its first line until its last', () => {
    const [rule] = SECRETS;
    const text = key('PRIVATE KEY');
    for (let length = 12; length < text.length; length += 9) {
      expect(rule!.open(`x ${text}`.slice(0, length), 2)).toBe(2);
    }
    expect(rule!.open(`${text} and more`, 0)).toBeUndefined();
    for (const start of [pem('PRIVATE KEY'), `${pem('PRIVATE KEY')}\n${fill(64)}`]) {
      const prose = (words: number) => `${start}\n${'and then it says so '.repeat(words / 5)}`;
      expect(rule!.open(prose(25), 0)).toBe(0);
      expect(rule!.open(prose(200), 0)).toBeUndefined();
    }
  });
});

describe('a rule whose anchor stands within its word', () => {
  test.each(
    RULES.filter(({ sources }) => sources?.some(({ lead }) => lead !== undefined)).map(({ id }) => id),
  )('%s holds back the characters before it', (id) => {
    const rule = RULES.find((candidate) => candidate.id === id)!;
    const [text] = samplesOf(rule).finds;
    const scanner = new Scanner([rule]);
    for (let length = 1; length < text!.length; length++) {
      expect(scanner.scan(`see ${text!.slice(0, length)}`, undefined, true).open).toBe(4);
    }
    expect(scanner.scan('see nothing of it ', undefined, true).open).toBe(18);
  });
});

describe('a virtual key', () => {
  test('is not mistaken for words', () => {
    expect(find([VIRTUAL_KEY], `Key=sk-${fill(22)}.`)).toEqual([{ start: 4, end: 29 }]);
    expect(find([VIRTUAL_KEY], 'sk-learn-and-scikit-image-a')).toEqual([]);
  });
});

describe('time', () => {
  const scanner = new Scanner(RULES);

  test.each([
    ...[
      'AKIA',
      'aws secret ',
      'awssecret=',
      'sk-',
      'sk-ant-api03-',
      'eyJ',
      '-eyJ',
      '/eyJ',
      'eyJaaaaaaaaaaaa.',
    ],
    ...[
      '-----BEGIN ',
      '-----BEGIN AA BB CC ',
      pem('PRIVATE KEY'),
      `"${pem('PRIVATE KEY')}",`,
      'ghp_a',
      'xoxb-',
    ],
    ...[
      `${pem('PRIVATE KEY')}\n${fill(64)}\n`,
      `${pem('PRIVATE KEY')}\nComment: a\n`,
      `${pem('PRIVATE KEY')} 1 2 `,
    ],
    ...[
      'curl -u a:',
      ' -u a:',
      ' --user a:',
      '|',
      '1234567890123456|',
      '_mmk',
      'token = "',
      'token',
      '", value="',
    ],
    ...['\\nsk-', '\\nZXlK', '://a:', '://', 'password', 'password=', 'password = ', 'pwd"="', 'api key is '],
    ...[
      'jira',
      'jira_',
      'jira = ',
      'ibm ',
      'A',
      '-AAAAAAAAAA',
      '"',
      '"a',
      'mtex',
      '-MTExa',
      '1',
      '1:AA',
      'acac',
      '.atlasv1.',
    ],
    ...[
      'Authorization: Bearer ',
      'session_token=',
      'LS0tLS1CRUdJTiBQUklW',
      '-ya29.',
      '&sig=',
      '-us1',
      '%3DAKIA',
    ],
    ...['fm2_', 'ops_eyJosephine-', 'glpat-', '/ZXlK', 'pwd-', 'secret: ', ` -u a:${'b'.repeat(150)}`],
    `${'LS0tLS1CRUdJTiBQUklW'.repeat(790)}${'a'.repeat(200)}`,
  ])('stays short in a megabyte of %j', (piece) => {
    // Were it quadratic, this would take minutes
    expect(scanner.scan(piece.repeat(1_000_000 / piece.length), undefined, true).open).toBeGreaterThanOrEqual(
      0,
    );
  });

  test('stays short in JSON of many cut-off private keys', () => {
    const { findings } = scanner.scan(
      `[${`"${pem('PRIVATE KEY')}\\n${fill(32)}",`.repeat(10_000)}`,
      undefined,
      true,
    );
    expect(findings).toHaveLength(10_000);
  });
});

/** Keys as OpenSSL and OpenSSH write them, with names. */
function made(): [name: string, pem: string][] {
  const { privateKey: curve } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { privateKey: edwards } = generateKeyPairSync('ed25519');
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const cipher = { cipher: 'aes-256-cbc', passphrase: 'tides' } as const;
  return [
    ['SEC1', curve.export({ type: 'sec1', format: 'pem' })],
    ['SEC1, encrypted', curve.export({ type: 'sec1', format: 'pem', ...cipher })],
    ['PKCS #8 of a curve', curve.export({ type: 'pkcs8', format: 'pem' })],
    ['PKCS #8, encrypted', curve.export({ type: 'pkcs8', format: 'pem', ...cipher })],
    ['Ed25519', edwards.export({ type: 'pkcs8', format: 'pem' })],
    ['PKCS #1', rsa.export({ type: 'pkcs1', format: 'pem' })],
    ['OpenSSH', openSsh()],
  ].map(([name, key]) => [String(name), String(key).trimEnd()]);
}

/** An Ed25519 key as OpenSSH writes it. @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
function openSsh(): string {
  const field = (value: string | Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const open = Buffer.concat([field('ssh-ed25519'), field(randomBytes(32))]);
  const check = randomBytes(4);
  const secret = [check, check, open, field(randomBytes(64)), field('ada@tides'), Buffer.from([1, 2, 3])];
  const key = [
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(field),
    Buffer.from([0, 0, 0, 1]),
    field(open),
    field(Buffer.concat(secret)),
  ];
  const lines =
    Buffer.concat(key)
      .toString('base64')
      .match(/.{1,70}/g) ?? [];
  const kind = 'OPENSSH PRIVATE KEY';
  return [pem(kind), ...lines, pem(kind).replace('BEGIN', 'END')].join('\n');
}
