import { describe, expect, test } from 'vitest';
import type { AnchoredRule, Span } from '../../../src/detectors/rule.ts';
import { Scanner } from '../../../src/detectors/scan/scanner.ts';
import { HIGH_ENTROPY, SECRETS, TOKENS, VIRTUAL_KEY } from '../../../src/detectors/secrets/index.ts';
import { credentials, fill, pem } from '../../support/credentials.ts';
import { marked, secretSamples } from '../../support/secret-samples.ts';

const RULES = [...SECRETS, ...HIGH_ENTROPY];
const named = RULES.map((rule): [string, AnchoredRule] => [rule.id, rule]);
const samplesOf = ({ id }: AnchoredRule) => secretSamples.get(id) ?? { finds: [], passes: [] };

function find(rules: readonly AnchoredRule[], text: string): readonly Span[] {
  return new Scanner(rules).scan(text).findings.map(({ start, end }) => ({ start, end }));
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
      // An unclosed private key goes on to the end
      if (end === text.length && !/BEGIN EC/.test(text)) {
        expect(find([rule], `see ${text}, ok`), text).toEqual([{ start: start + 4, end: end + 4 }]);
      }
    }
  });

  test.each(named)('%s passes texts that only look alike', (_, rule) => {
    for (const text of samplesOf(rule).passes) expect(find([rule], text), text).toEqual([]);
  });

  test.each(named)('%s stays open until its sample is whole', (_, rule) => {
    for (const sample of samplesOf(rule).finds) {
      const { text, start, end } = marked(sample);
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

  test('goes on to the end of the text if it is cut off', () => {
    expect(clean(`a ${pem('PRIVATE KEY')}\nMIIE\nb "c" d`)).toBe('a [REDACTED]');
    expect(clean(`["x"] ${pem('PRIVATE KEY')}\nComment: "c" d\nMIIE`)).toBe('["x"] [REDACTED]');
  });

  test.each([
    ['whole', { key: key('PRIVATE KEY'), other: 'stays' }],
    ['cut off', { key: [pem('PRIVATE KEY'), `${pem('PRIVATE KEY')}\n"MII`], other: 'stays' }],
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
  ])('stays short in a megabyte of %j', (piece) => {
    // Were it quadratic, this would take minutes
    expect(scanner.scan(piece.repeat(1_000_000 / piece.length), undefined, true).open).toBeGreaterThanOrEqual(
      0,
    );
  });

  test('stays short in JSON of many cut-off private keys', () => {
    const { findings } = scanner.scan(`[${`"${pem('PRIVATE KEY')}",`.repeat(30_000)}`, undefined, true);
    expect(findings).toHaveLength(30_000);
  });
});
