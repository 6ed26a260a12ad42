import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { entry, openStore } from '../support/store.ts';
import { DAMAGE_CASES, overwrite } from './damage-cases.ts';
import { filesIn, imagesOnce, restore, works } from './damage-images.ts';

test.each(DAMAGE_CASES)(
  '$name: the outbox starts, and keeps at least $atLeast of 100 records',
  async (one) => {
    const dir = await restore(one.after);
    const files = await filesIn(dir);
    one.damage(files);
    const store = openStore({ dir });
    const kept = await works(store);
    expect(kept).toBeGreaterThanOrEqual(one.atLeast);
    if (one.reported === 'either') {
      expect(store.damages.length + store.unreadable.length).toBeGreaterThan(0);
    } else {
      const reason = one.reported instanceof RegExp && expect.stringMatching(one.reported);
      expect(store.damages).toEqual(reason ? [expect.objectContaining({ reason })] : []);
      expect(store.unreadable.length > 0).toBe(one.reported === 'record');
    }
    for (const { file } of store.damages) expect(fs.existsSync(join(dir, file))).toBe(true);
    await store.close();

    const again = openStore({ dir });
    expect(await works(again)).toBe(0);
    expect(again.damages).toEqual([]);
    expect(fs.readdirSync(dir).filter((name) => /new|repaired/.test(name))).toEqual([]);
  },
);

test.each([
  ['zeros', (size: number) => new Uint8Array(size)],
  ['other bytes', (size: number) => Buffer.alloc(size, 'plum cake')],
])('an open file that turns into %s does no harm to the process, and is put aside', async (_, bytes) => {
  const store = openStore({ dir: await restore('killed') });
  expect(await store.acceptOne(entry('before'))).toBe('new');
  const db = join(store.dir, 'outbox.db');
  overwrite(db, 0, bytes(fs.statSync(db).size));
  await store.acceptOne(entry('during')).catch(() => {});
  await store.all().catch(() => {});
  await store.close();
  const again = openStore({ dir: store.dir });
  await works(again);
  expect(again.damages.length + store.damages.length).toBe(1);
});

test('a process that ends while it fills the new file begins again, or goes on where it was', async () => {
  const dir = await restore('closed');
  const { db } = await filesIn(dir);
  const fresh = join(dir, 'outbox.new.db');
  fs.writeFileSync(fresh, 'half of it');
  overwrite(db, 0, Buffer.from('plum cake'));
  expect(await works(openStore({ dir }))).toBe(100);

  const other = await restore('closed');
  fs.renameSync(join(other, 'outbox.db'), join(other, 'outbox.new.db'));
  fs.writeFileSync(join(other, 'outbox.db-wal'), (await imagesOnce()).other.get('outbox.db-wal') ?? '');
  expect(await works(openStore({ dir: other }))).toBe(100);
});
