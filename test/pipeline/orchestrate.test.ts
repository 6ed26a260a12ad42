import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { ALLOW, type Verdict } from '../../src/guardrail/verdict.ts';
import type { JudgingBackend } from '../../src/pipeline/check-backend.ts';
import { callOf, toolCall } from '../support/call.ts';
import {
  allows,
  BLOCK,
  backend,
  blocks,
  DOWN,
  defer,
  fails,
  hanging,
  hangs,
  judgeOf,
  later,
  modify,
  open,
  says,
  UNMAPPABLE,
} from '../support/judging.ts';
import { rewritesOf } from '../support/passages.ts';
import { engineOf, type PolicyDocument } from '../support/policies.ts';
import { rewritingVendor, spanVendor } from '../support/span-vendor.ts';

type Asking = Pick<PolicyDocument, 'orchestration' | 'on_error'>;
const asking = (how: Asking, backends: readonly JudgingBackend[], growth = 1) =>
  judgeOf(backends, { engine: engineOf({ chain: [], ...how }).engine, growth });

const TEXT = 'dana lives in Rome';
const CALL = callOf({ texts: [TEXT] });
const work = () => new AbortController();
const because = (reason: string): Verdict => ({ kind: 'block', reason });

/** A check that keeps its calls. */
function recording(verdict: Verdict | ((call: GuardrailCall) => Verdict) = ALLOW) {
  const texts: (string | undefined)[] = [];
  const check: Check = async (call) => {
    texts.push(call.texts[0]);
    return typeof verdict === 'function' ? verdict(call) : verdict;
  };
  return { texts, check };
}

type Row = {
  readonly name: string;
  readonly how: Asking;
  readonly backends: () => JudgingBackend[];
  readonly is: object;
  readonly call?: GuardrailCall;
  /** Checks that have ended by then, in their order. */
  readonly checks?: readonly string[];
};

const votes = (...checks: Check[]) => checks.map((check, i) => backend('abc'[i] as string, check));
const SEES = { judges: { request: true, response: true, media: true } };
const PICTURE = callOf({ texts: [TEXT], images: ['https://pictures.example/a.png'] });
const nameOf = (orchestration: object | string) =>
  typeof orchestration === 'string' ? orchestration : 'a quorum';
const two = { orchestration: { quorum: 2 } };

describe('the decision', () => {
  test.each<Row>([
    {
      name: 'of a sequence is its first block, and nobody after it is asked',
      how: { orchestration: 'sequence' },
      backends: () => votes(says(ALLOW), later(BLOCK), says(BLOCK)),
      is: blocks('verdict', 'b'),
      checks: ['a allow', 'b block'],
    },
    {
      name: 'of a sequence that allows is an allow by all',
      how: { orchestration: 'sequence' },
      backends: () => votes(later(ALLOW), says(ALLOW)),
      is: allows,
      checks: ['a allow', 'b allow'],
    },
    {
      name: 'of a sequence is a failure that fails closed',
      how: { orchestration: 'sequence' },
      backends: () => votes(fails(DOWN), says(ALLOW)),
      is: blocks('fail_closed', 'a'),
      checks: ['a unreachable'],
    },
    {
      name: 'of a sequence goes on after a failure that fails open',
      how: { orchestration: 'sequence' },
      backends: () => [backend('a', fails(DOWN), open), backend('b', says(BLOCK))],
      is: blocks('verdict', 'b'),
    },
    {
      name: 'of a sequence goes on after a failure that defers, as a block outweighs it',
      how: { orchestration: 'sequence' },
      backends: () => [backend('a', fails(DOWN), defer), backend('b', says(BLOCK))],
      is: blocks('verdict', 'b'),
    },
    {
      name: 'of a sequence is left to LiteLLM after a failure that defers',
      how: { orchestration: 'sequence' },
      backends: () => [backend('a', fails(DOWN), defer), backend('b', says(ALLOW))],
      is: { kind: 'defer', by: 'a' },
    },
    {
      name: 'of a sequence ends at a redaction that cannot be mapped: the next one would see what it hid',
      how: { orchestration: 'sequence' },
      backends: () => votes(says(UNMAPPABLE), says(ALLOW)),
      is: blocks('redaction', 'a'),
      checks: ['a modify'],
    },
    {
      name: 'of all names all that block, with their reasons',
      how: { orchestration: 'all' },
      backends: () => votes(says(because('one')), later(ALLOW), later(because('three'))),
      is: { ...blocks('verdict', 'a,c'), reason: 'one; three' },
    },
    {
      name: 'of all tells the same reason once',
      how: { orchestration: 'all' },
      backends: () => votes(says(because('pii')), says(because('pii'))),
      is: { ...blocks('verdict', 'a,b'), reason: 'pii' },
    },
    {
      name: 'of all names a failure that fails closed beside a verdict',
      how: { orchestration: 'all' },
      backends: () => votes(fails(DOWN), says(because('two'))),
      is: { ...blocks('verdict', 'a,b'), reason: 'two' },
    },
    {
      name: 'of all is an allow if all allow',
      how: { orchestration: 'all' },
      backends: () => votes(says(ALLOW), later(ALLOW)),
      is: allows,
    },
    {
      name: 'of a quorum is an allow if fewer block',
      how: two,
      backends: () => votes(says(BLOCK), says(ALLOW), later(ALLOW)),
      is: allows,
      checks: ['a block', 'b allow', 'c allow'],
    },
    {
      name: 'of a quorum is a block as soon as so many block, by these',
      how: two,
      backends: () => votes(says(because('one')), hangs, later(because('three'))),
      is: { ...blocks('verdict', 'a,c'), reason: 'one; three' },
    },
    {
      name: 'of a quorum counts a failure that fails closed as a block',
      how: two,
      backends: () => votes(fails(DOWN), says(BLOCK), says(ALLOW)),
      is: blocks('verdict', 'a,b'),
    },
    {
      name: 'of a quorum of failures that fail closed is a block for want of verdicts',
      how: two,
      backends: () => votes(fails(DOWN), fails(DOWN), says(ALLOW)),
      is: blocks('fail_closed', 'a,b'),
    },
    {
      name: 'of a quorum counts a failure that fails open as no vote',
      how: two,
      backends: () => [backend('a', fails(DOWN), open), backend('b', says(BLOCK)), backend('c', says(ALLOW))],
      is: allows,
    },
    {
      name: 'of a quorum is left to LiteLLM where a failure that defers could have made it up',
      how: two,
      backends: () => [
        backend('a', fails(DOWN), defer),
        backend('b', says(BLOCK)),
        backend('c', says(ALLOW)),
      ],
      is: { kind: 'defer', by: 'a' },
    },
    {
      name: 'of a quorum is made where a failure that defers could not have changed it',
      how: two,
      backends: () => [
        backend('a', fails(DOWN), defer),
        backend('b', says(ALLOW)),
        backend('c', says(ALLOW)),
      ],
      is: allows,
    },
    {
      name: 'of a quorum applies a redaction beside a block that is outvoted',
      how: two,
      backends: () => votes(says(BLOCK), says(modify(TEXT, '*')), says(ALLOW)),
      is: { kind: 'modify', by: ['b'] },
    },
    {
      name: 'of a quorum waits for redactions though no block can come together any more',
      how: two,
      backends: () => votes(says(ALLOW), says(ALLOW), later(modify(TEXT, '*'))),
      is: { kind: 'modify', by: ['c'] },
    },
    {
      name: 'of a quorum is a block where all that can judge the call block, though they are fewer',
      how: two,
      backends: () => [
        backend('a', says(BLOCK)),
        backend('b', says(ALLOW), { judges: { request: false, response: true, media: false } }),
      ],
      is: blocks('verdict', 'a'),
    },
    {
      name: 'of a quorum about media is that of the backends that judge media: nobody else outvotes them',
      how: two,
      call: callOf({ texts: [TEXT], images: ['https://pictures.example/a.png'] }),
      backends: () => [
        backend('a', says(BLOCK), { judges: { request: true, response: true, media: true } }),
        backend('b', later(ALLOW)),
        backend('c', later(ALLOW)),
      ],
      is: blocks('verdict', 'a'),
    },
    {
      name: 'leaves a failure to the next backend under on_error: next',
      how: { on_error: 'next' },
      backends: () => votes(fails(DOWN), says(ALLOW)),
      is: allows,
    },
    {
      name: 'follows the fallback of the last backend under on_error: next',
      how: { on_error: 'next' },
      backends: () => [backend('a', says(ALLOW)), backend('b', fails(DOWN))],
      is: blocks('fail_closed', 'b'),
    },
    {
      name: 'follows the fallback of the last backend where all fail',
      how: { on_error: 'next' },
      backends: () => [backend('a', fails(DOWN)), backend('b', fails(DOWN), open)],
      is: allows,
    },
    {
      name: 'defers for the last backend alone under on_error: next',
      how: { on_error: 'next' },
      backends: () => [backend('a', fails(DOWN), defer), backend('b', says(ALLOW))],
      is: allows,
    },
    {
      name: 'of a sequence asks the next one where one fails closed, under on_error: next',
      how: { orchestration: 'sequence', on_error: 'next' },
      backends: () => votes(fails(DOWN), says(BLOCK)),
      is: blocks('verdict', 'b'),
      checks: ['a unreachable', 'b block'],
    },
    {
      name: 'of a quorum counts no failure but that of the last backend, under on_error: next',
      how: { ...two, on_error: 'next' },
      backends: () => votes(fails(DOWN), says(BLOCK), fails(DOWN)),
      is: blocks('verdict', 'b,c'),
    },
    {
      name: 'of a quorum where all fail is the fallback of the last backend, under on_error: next',
      how: { ...two, on_error: 'next' },
      backends: () => votes(fails(DOWN), fails(DOWN), fails(DOWN)),
      is: blocks('fail_closed', 'c'),
    },
    {
      name: 'of a quorum where all fail is left to LiteLLM, if the last backend says so under on_error: next',
      how: { ...two, on_error: 'next' },
      backends: () => [...votes(fails(DOWN), fails(DOWN)), backend('c', fails(DOWN), defer)],
      is: { kind: 'defer', by: 'c' },
    },
    {
      name: 'of a quorum is that of the backends that are left, under on_error: next',
      how: { ...two, on_error: 'next' },
      backends: () => votes(fails(DOWN), fails(DOWN), says(BLOCK)),
      is: blocks('verdict', 'c'),
    },
    {
      name: 'of a quorum needs no unanimity while as many are left, under on_error: next',
      how: { ...two, on_error: 'next' },
      backends: () => votes(fails(DOWN), says(BLOCK), says(ALLOW)),
      is: allows,
    },
    ...(['first_block', 'sequence', 'all', { quorum: 2 }] as const).flatMap((orchestration): Row[] => [
      {
        name: `of ${nameOf(orchestration)} leaves media to no backend that does not look at them, under on_error: next`,
        how: { orchestration, on_error: 'next' },
        call: PICTURE,
        backends: () => [backend('a', fails(DOWN), SEES), backend('b', says(ALLOW))],
        is: blocks('fail_closed', 'a'),
      },
      {
        name: `of ${nameOf(orchestration)} leaves media to a backend that looks at them, under on_error: next`,
        how: { orchestration, on_error: 'next' },
        call: PICTURE,
        backends: () => [
          backend('a', fails(DOWN), SEES),
          backend('b', says(ALLOW), SEES),
          backend('c', says(ALLOW)),
        ],
        is: allows,
      },
      {
        name: `of ${nameOf(orchestration)} leaves a call without texts to no backend of texts, under on_error: next`,
        how: { orchestration, on_error: 'next' },
        call: callOf({ tools: [{ description: TEXT }] }),
        backends: () => [backend('a', fails(DOWN)), backend('b', says(ALLOW), { reads: 'texts' })],
        is: blocks('fail_closed', 'a'),
      },
    ]),
  ])('$name', async ({ how, backends, is, checks, call = CALL }) => {
    const judge = asking(how, backends());
    expect(await judge.judge(call, work())).toMatchObject(is);
    if (checks !== undefined) expect(judge.outcomes()).toEqual(checks);
  });

  test('of a quorum ends the checks of the others once it is certain', async () => {
    const c = hanging();
    const judge = asking(two, [...votes(says(BLOCK), says(BLOCK)), backend('c', c.check)]);
    expect(await judge.judge(CALL, work())).toMatchObject(blocks('verdict', 'a,b'));
    expect(c.wasStopped()).toBe(true);
  });

  test('is that of a rule where the rule says how to ask', async () => {
    const rules = [
      { name: 'one', match: { team: 'payments' }, orchestration: 'first_block', on_error: 'fallback' },
    ];
    const engine = engineOf({ chain: [], ...two, on_error: 'next', rules }).engine;
    const judge = judgeOf(votes(says(BLOCK), says(ALLOW), says(ALLOW)), { engine });
    const mine = callOf({ texts: [TEXT], request_data: { user_api_key_team_alias: 'payments' } });
    expect(await judge.judge(CALL, work())).toEqual(allows);
    expect(await judge.judge(mine, work())).toMatchObject(blocks('verdict', 'a'));
  });
});

describe('a sequence', () => {
  test('follows the order of the rule', async () => {
    const rules = [{ name: 'one', backends: ['c', 'a'], orchestration: 'sequence' }];
    const judge = judgeOf(votes(says(ALLOW), says(ALLOW), says(ALLOW)), {
      engine: engineOf({ chain: [], rules }).engine,
    });
    await judge.judge(CALL, work());
    expect(judge.outcomes()).toEqual(['c allow', 'a allow']);
  });

  test('shows a backend what those before it redacted, and applies the redactions of all', async () => {
    const b = recording(modify('* lives in Rome', '* lives in *'));
    const c = recording();
    const judge = asking({ orchestration: 'sequence' }, [
      backend('a', says(modify(TEXT, '* lives in Rome'))),
      backend('b', b.check),
      backend('c', c.check),
    ]);
    const decision = await judge.judge(CALL, work());
    expect([b.texts, c.texts]).toEqual([['* lives in Rome'], ['* lives in *']]);
    expect(decision).toMatchObject({ kind: 'modify', by: ['a', 'b'] });
    expect(decision.kind === 'modify' && rewritesOf(decision.texts)).toEqual({ [TEXT]: '* lives in *' });
  });

  test('shows a backend arguments that are JSON, though a number was redacted', async () => {
    const b = spanVendor(/nothing/g, '');
    const judge = asking({ orchestration: 'sequence' }, [
      backend('a', rewritingVendor(/\d{10}/g, '<N>').check, { reads: 'texts' }),
      backend('b', b.check, { reads: 'texts' }),
    ]);
    const calls = [toolCall('{"to":[2125550147,2125550148]}', 'dial')];
    const decision = await judge.judge(callOf({ tool_calls: calls }), work());
    expect(b.asked).toEqual(['dial', '{"to":["<N>","<N>"]}']);
    expect(decision.kind === 'modify' && [...decision.texts.values()]).toEqual(['{"to":["<N>","<N>"]}']);
  });

  test('adds to what the policies redacted', async () => {
    const engine = engineOf({
      chain: ['pii-detector'],
      policy: { 'pii-detector': { action: 'redact' } },
      orchestration: 'sequence',
    }).engine;
    const text = 'dana: dana@mail.example';
    const seen: (string | undefined)[] = [];
    const redacting: Check = async (call) => {
      seen.push(call.texts[0]);
      return modify(call.texts[0] as string, (call.texts[0] as string).replace('dana', '*'))(call);
    };
    const judge = judgeOf([backend('a', redacting), backend('b', says(ALLOW))], { engine });
    const decision = await judge.judge(callOf({ texts: [text] }), work());
    expect(seen[0]).not.toContain('dana@');
    const becomes = decision.kind === 'modify' ? rewritesOf(decision.texts)[text] : undefined;
    expect(becomes).toMatch(/^\*: /);
    expect(becomes).not.toContain('dana@');
  });

  test('has the time of its most patient backend, all together', async () => {
    const b = hanging();
    const c = recording();
    const judge = asking({ orchestration: 'sequence' }, [
      backend('a', later(ALLOW, 150), { timeoutMs: 300 }),
      backend('b', b.check, { timeoutMs: 300, ...open }),
      backend('c', c.check, { timeoutMs: 300 }),
    ]);
    expect(await judge.judge(CALL, work())).toMatchObject(blocks('fail_closed', 'c'));
    expect(judge.outcomes()).toEqual(['a allow', 'b timeout', 'c timeout']);
    expect([b.wasStopped(), c.texts]).toEqual([true, []]);
  });

  test.each([
    ['opens the breaker of a backend that hangs, though it is not the first', 1, 'open'],
    ['blames no backend for the little time that others left it', 250, 'closed'],
  ] as const)('%s', async (_, before, state) => {
    const b = backend('b', hangs, { timeoutMs: 300, ...open });
    const a = backend('a', later(ALLOW, before), { timeoutMs: 300, ...open });
    const judge = asking({ orchestration: 'sequence' }, [a, b]);
    await Promise.all(Array.from({ length: 5 }, () => judge.judge(CALL, work())));
    expect(b.breaker.state()).toBe(state);
  });

  test('ends when the caller leaves, and nothing is decided', async () => {
    const b = hanging();
    const c = recording();
    const judge = asking({ orchestration: 'sequence' }, [
      backend('a', says(ALLOW)),
      backend('b', b.check),
      backend('c', c.check),
    ]);
    const scope = work();
    const decision = judge.judge(CALL, scope);
    await new Promise((resolve) => setTimeout(resolve, 20));
    scope.abort();
    expect(await decision).toEqual({ kind: 'cancelled' });
    expect([b.wasStopped(), c.texts]).toEqual([true, []]);
  });
});

describe('a streamed response', () => {
  const round = (text: string) => callOf({ input_type: 'response', litellm_call_id: 's', texts: [text] });
  const FIRST = 'A first part of it';
  /** Takes a name out of whatever it is shown. */
  const masking = () =>
    recording((call) => {
      const [text = ''] = call.texts;
      return text.includes('dana') ? modify(text, text.replace('dana', '****'))(call) : ALLOW;
    });

  test('in sequence costs each backend no more than alone', async () => {
    const [a, b] = [recording(), recording()];
    const judge = asking({ orchestration: 'sequence' }, [backend('a', a.check), backend('b', b.check)], 6);
    for (let chars = 1; chars <= 18; chars++) await judge.judge(round(FIRST.slice(0, chars)));
    await judge.settled();
    const asked = [FIRST.slice(0, 1), FIRST.slice(0, 6), FIRST];
    expect([a.texts, b.texts]).toEqual([asked, asked]);
  });

  test('in sequence shows no backend what one before it would have redacted, at its end neither', async () => {
    const [a, b] = [masking(), recording()];
    const judge = asking({ orchestration: 'sequence' }, [backend('a', a.check), backend('b', b.check)], 6);
    await judge.judge(round(FIRST));
    await judge.judge(round(`${FIRST}, by dana`));
    await judge.settled();
    expect(a.texts).toEqual([FIRST, `${FIRST}, by dana`]);
    expect(b.texts).toEqual([FIRST, `${FIRST}, by ****`]);
    expect(judge.late.map(({ backend }) => backend)).toEqual(['a', 'b']);
    expect(await judge.judge(round(`${FIRST}, by dana.`))).toMatchObject(blocks('redaction', 'a'));
  });

  test('in sequence is shown to a backend again that waits, where a later one has to judge it', async () => {
    const a = masking();
    let isDown = true;
    const b = recording();
    const flaky: Check = async (...all) => {
      if (isDown) throw new Error('down');
      return b.check(...all);
    };
    const judge = asking(
      { orchestration: 'sequence' },
      [backend('a', a.check), backend('b', flaky, open)],
      6,
    );
    await judge.judge(round(FIRST));
    isDown = false;
    await judge.judge(round(`${FIRST}, by dana`));
    expect(b.texts).toEqual([`${FIRST}, by ****`]);
  });

  test('in sequence stays redacted for the next backend where the one that redacted it fails', async () => {
    let isDown = false;
    const masks = masking();
    const a: Check = async (...all) => {
      if (isDown) throw new Error('down');
      return masks.check(...all);
    };
    const b = recording();
    const judge = asking({ orchestration: 'sequence' }, [
      backend('a', a, { reads: 'texts', ...open }),
      backend('b', b.check),
    ]);
    const more = 'And then it goes on for so long that its beginning is judged for good';
    await judge.judge(round(`It is by dana. ${more}`));
    isDown = true;
    await judge.judge(round(`It is by dana. ${more}, and longer`));
    expect(b.texts).toEqual([`It is by ****. ${more}`, `It is by ****. ${more}, and longer`]);
  });

  test('in sequence keeps no allow of a redacted text for what was redacted', async () => {
    let masks = true;
    const b = recording();
    const a: Check = async (call) => (masks ? modify('by dana', 'by ****')(call) : ALLOW);
    const judge = asking({ orchestration: 'sequence' }, [backend('a', a), backend('b', b.check)]);
    await judge.judge(round('by dana'));
    masks = false;
    await judge.judge(round('by dana'));
    expect(b.texts).toEqual(['by ****', 'by dana']);
  });

  test('in sequence ends at a block after its end: the next backend is not asked', async () => {
    const a = recording((call) => (call.texts[0]?.includes('forbidden') ? BLOCK : ALLOW));
    const b = recording();
    const judge = asking({ orchestration: 'sequence' }, [backend('a', a.check), backend('b', b.check)], 6);
    await judge.judge(round(FIRST));
    await judge.judge(round(`${FIRST}, forbidden`));
    await judge.settled();
    expect(b.texts).toEqual([FIRST]);
    expect(await judge.judge(round(`${FIRST}, forbidden.`))).toMatchObject(blocks('verdict', 'a'));
  });

  test('is judged by a quorum with the votes of backends that allowed it before', async () => {
    const late = (word: string) => recording((call) => (call.texts[0]?.includes(word) ? BLOCK : ALLOW)).check;
    const judge = asking(two, [
      backend('a', late('bad')),
      backend('b', late('worse')),
      backend('c', says(ALLOW)),
    ]);
    expect(await judge.judge(round('It is bad'))).toEqual(allows);
    // b and c have allowed just this
    expect(await judge.judge(round('It is bad'))).toEqual(allows);
    expect(await judge.judge(round('It is bad, or worse'))).toMatchObject(blocks('verdict', 'a,b'));
  });

  test('that a quorum blocks after its end stays blocked while it goes on, and not for one vote', async () => {
    const late = (word: string) => recording((call) => (call.texts[0]?.includes(word) ? BLOCK : ALLOW)).check;
    const judge = asking(two, [backend('a', late('bad')), backend('b', late('worse'))], 6);
    await judge.judge(round(FIRST));
    await judge.judge(round(`${FIRST} is bad`));
    await judge.settled();
    expect(await judge.judge(round(`${FIRST} is bad, or worse`))).toEqual(allows);
    await judge.settled();
    expect(await judge.judge(round(`${FIRST} is bad, or worse.`))).toMatchObject(blocks('verdict', 'a,b'));
  });
});

describe('what vendors come to is what the rule says, whoever fails:', () => {
  const SAYS = { A: says(ALLOW), B: says(BLOCK), F: fails(DOWN) } as const;
  type Said = keyof typeof SAYS;
  /** A failure is the block of its `fail_closed`, or is left to the next one, if there is any. */
  const blocked = (said: readonly Said[], orchestration: string | number, isNext: boolean): boolean => {
    const last = said.length - 1;
    const left = said.filter((one, i) => !(isNext && one === 'F' && i < last));
    const against = left.filter((one) => one !== 'A').length;
    return against >= (typeof orchestration === 'string' ? 1 : Math.min(orchestration, left.length));
  };
  const rows = ['first_block', 'sequence', 'all', 1, 2, 3].flatMap((orchestration) =>
    [true, false].map((isNext) => ({ orchestration, isNext })),
  );

  test.each(rows)('$orchestration, next: $isNext', async ({ orchestration, isNext }) => {
    const said = Object.keys(SAYS) as Said[];
    const all = said.flatMap((a) => said.flatMap((b) => said.map((c) => [a, b, c])));
    const how = {
      orchestration: typeof orchestration === 'number' ? { quorum: orchestration } : orchestration,
      on_error: isNext ? 'next' : 'fallback',
    } as Asking;
    const found = await Promise.all(
      all.map(async (one) => {
        const judge = asking(how, votes(...one.map((word) => SAYS[word])));
        return `${one.join('')} ${(await judge.judge(CALL, work())).kind}`;
      }),
    );
    expect(found).toEqual(
      all.map((one) => `${one.join('')} ${blocked(one, orchestration, isNext) ? 'block' : 'allow'}`),
    );
  });
});
