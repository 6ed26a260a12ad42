import { describe, expect, test } from 'vitest';
import { editedText } from '../../src/guardrail/edit.ts';
import { MarkerStore, Markers } from '../../src/policies/markers.ts';

function markersFor(values: Record<string, string>): Markers {
  const markers = new Markers();
  for (const [marker, value] of Object.entries(values)) markers.put(marker, value, 1);
  return markers;
}

describe('a redacted value', () => {
  const markers = markersFor({
    '[MAIL_1]': 'ada@x.example',
    '[MAIL_2]': 'bob@x.example',
    '[CARD_1]': '4111',
  });
  const restored = (text: string, of = markers) => editedText(text, of.restore(text).edits);

  test.each([
    ['Write to [MAIL_1].', 'Write to ada@x.example.'],
    ['[MAIL_2][MAIL_1][MAIL_2]', 'bob@x.exampleada@x.examplebob@x.example'],
    ['[CARD_1] of [MAIL_1]', '4111 of ada@x.example'],
    ['[MAIL_3], [mail_1], MAIL_1', '[MAIL_3], [mail_1], MAIL_1'],
    ['', ''],
  ])('is put back in %j', (text, whole) => {
    expect(restored(text)).toBe(whole);
  });

  test('is the right one where a marker begins like another', () => {
    const own = markersFor(
      Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`MAIL_${i + 1}`, `<${i + 1}>`])),
    );
    expect(restored('MAIL_1, MAIL_11, MAIL_12 and MAIL_2', own)).toBe('<1>, <11>, <12> and <2>');
  });

  test.each([
    ['nothing begins', 14],
    ['Write to [', 9],
    ['Write to [MA', 9],
    ['Write to [MAIL_', 9],
    ['Write to [MAIL_2', 9],
    ['Write to [MAIL_2]', 17],
    ['Write to [MAIL_3', 16],
    ['[[[', 2],
    ['[MAIL_1] [C', 9],
  ])('has a marker that could go on at the end of %j from %i on', (text, open) => {
    expect(markers.restore(text).open).toBe(open);
  });

  test('is not put back beyond the 1000th of a call', () => {
    const own = markersFor(
      Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`[M_${i}]`, `<${i}>`])),
    );
    expect(restored('[M_999] [M_1000]', own)).toBe('<999> [M_1000]');
  });
});

describe('markers of the calls under way', () => {
  test('belong to one call, the last ones of it count', () => {
    const store = new MarkerStore();
    const first = store.open('a');
    expect([store.of('a'), store.of('b')]).toEqual([first, undefined]);
    const second = store.open('a');
    expect(second).not.toBe(first);
    expect(store.of('a')).toBe(second);
  });

  test('are forgotten after their time', async () => {
    const store = new MarkerStore({ ttl: 20 });
    store.open('a');
    expect(store.of('a')).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(store.of('a')).toBeUndefined();
  });

  test('are forgotten when there are 1000 newer ones', () => {
    const store = new MarkerStore();
    for (let i = 0; i <= 1000; i++) store.open(`call-${i}`);
    expect([store.of('call-0'), store.of('call-1') !== undefined]).toEqual([undefined, true]);
  });
});
