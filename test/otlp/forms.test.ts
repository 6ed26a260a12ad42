import { describe, expect, test } from 'vitest';
import { readPromText } from '../../src/otlp/prometheus-text.ts';
import { remoteParent, traceIdOf } from '../../src/otlp/trace-parent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  test.each([
    [`00-${TRACE}-${SPAN}-01`, { traceId: TRACE, spanId: SPAN, isSampled: true }],
    [`00-${TRACE}-${SPAN}-00`, { traceId: TRACE, spanId: SPAN, isSampled: false }],
    // Other bits mean nothing here, nor do later versions of the same length
    [`00-${TRACE}-${SPAN}-fe`, { traceId: TRACE, spanId: SPAN, isSampled: false }],
    [`01-${TRACE}-${SPAN}-03`, { traceId: TRACE, spanId: SPAN, isSampled: true }],
    [`ff-${TRACE}-${SPAN}-01`, undefined],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    [`00-${TRACE}-${SPAN}`, undefined],
    [` 00-${TRACE}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${SPAN}-01\n`, undefined],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
    ['[present]', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j', (text, is) => {
    expect(remoteParent(text)).toEqual(is);
  });
});

describe('the trace of ids', () => {
  test.each([
    [null, null, undefined],
    ['0F0E0D0C-1111-4222-8333-444455556666', null, '0f0e0d0c111142228333444455556666'],
    ['call-1', null, 'a3c3f2f0'],
    // A client may choose it; collectors refuse a batch with a trace of zeros
    ['00000000-0000-0000-0000-000000000000', null, 'hashed'],
    ['call-1', TRACE, TRACE],
    ['call-1', '0'.repeat(32), 'a3c3f2f0'],
    [null, 'session', 'session'],
  ])('%j, %j', (call, trace, is) => {
    const id = traceIdOf(call, trace);
    if (is === undefined || is.length === 32) expect(id).toBe(is);
    else {
      expect(id).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
      expect(id).toBe(traceIdOf(call, trace));
    }
  });
});

test("Prometheus' text is read with its signs and its numbers, and what is none is left out", () => {
  const text = [
    '# HELP a_total Says \\\\ and\\nmore',
    '# TYPE a_total counter',
    'a_total{x="quote \\" comma, brace }",y="line\\nbreak"} 12',
    'a_total 1e3 1700000000000',
    'no sample',
    '# HELP b B',
    '# TYPE b gauge',
    'b{le="+Inf"} +Inf',
    'b NaN',
    'b -Inf',
    'b{',
    '',
  ].join('\n');
  expect(readPromText(text)).toEqual([
    {
      name: 'a_total',
      type: 'counter',
      help: 'Says \\ and\nmore',
      samples: [
        { name: 'a_total', labels: { x: 'quote " comma, brace }', y: 'line\nbreak' }, value: 12 },
        { name: 'a_total', labels: {}, value: 1000 },
      ],
    },
    {
      name: 'b',
      type: 'gauge',
      help: 'B',
      samples: [
        { name: 'b', labels: { le: '+Inf' }, value: Number.POSITIVE_INFINITY },
        { name: 'b', labels: {}, value: Number.NEGATIVE_INFINITY },
      ],
    },
  ]);
});
