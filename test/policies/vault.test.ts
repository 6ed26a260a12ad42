import { describe, expect, test } from 'vitest';
import { editedText } from '../../src/detectors/edit.ts';
import { createVaults, type Vault } from '../../src/policies/vault.ts';

function vaultWith(values: Record<string, string>): Vault {
  const vault = createVaults().open('c');
  for (const [marker, value] of Object.entries(values)) vault.put(marker, value, 1);
  return vault;
}

describe('what was redacted', () => {
  const vault = vaultWith({ '[MAIL_1]': 'ada@x.example', '[MAIL_2]': 'bob@x.example', '[CARD_1]': '4111' });
  const restored = (text: string, of = vault) => editedText(text, of.restore(text).edits);

  test.each([
    ['Write to [MAIL_1].', 'Write to ada@x.example.'],
    ['[MAIL_2][MAIL_1][MAIL_2]', 'bob@x.exampleada@x.examplebob@x.example'],
    ['[CARD_1] of [MAIL_1]', '4111 of ada@x.example'],
    ['[MAIL_3], [mail_1], MAIL_1', '[MAIL_3], [mail_1], MAIL_1'],
    ['', ''],
  ])('is put back: %s', (text, whole) => {
    expect(restored(text)).toBe(whole);
  });

  test('is the right one where a marker begins like another', () => {
    const own = vaultWith(
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
  ])('could go on at the end of %j from %i on', (text, open) => {
    expect(vault.restore(text).open).toBe(open);
  });

  test('is not put back beyond the 1000th value', () => {
    const own = vaultWith(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`[M_${i}]`, `<${i}>`])));
    expect(restored('[M_999] [M_1000]', own)).toBe('<999> [M_1000]');
  });
});

describe('vaults', () => {
  test('are those of one call, and the last of it', () => {
    const vaults = createVaults();
    const first = vaults.open('a');
    expect([vaults.of('a'), vaults.of('b')]).toEqual([first, undefined]);
    const second = vaults.open('a');
    expect(second).not.toBe(first);
    expect(vaults.of('a')).toBe(second);
  });

  test('are forgotten after a quarter of an hour', () => {
    let now = 0;
    const vaults = createVaults(() => now);
    vaults.open('a');
    now = 15 * 60_000;
    expect(vaults.of('a')).toBeDefined();
    now++;
    expect(vaults.of('a')).toBeUndefined();
  });

  test('are forgotten when there are 1000 newer ones', () => {
    const vaults = createVaults();
    for (let i = 0; i <= 1000; i++) vaults.open(`call-${i}`);
    expect([vaults.of('call-0'), vaults.of('call-1') !== undefined]).toEqual([undefined, true]);
  });
});
