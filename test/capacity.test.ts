import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scaleCosts } from './bench/scale-costs.ts';
import { store, storeCosts } from './bench/scale-model.ts';
import { needed, outage, placeOf, sections } from './bench/scale-simulation.ts';

const guide = readFileSync(join(import.meta.dirname, '../examples/capacity/README.md'), 'utf8');
const costs = scaleCosts();

describe('the guide to capacity', () => {
  test.each(Object.entries(sections(costs)))('shows what is simulated: %s', (name, section) => {
    // After a measurement: npm run bench -- --save simulate
    expect(placeOf(name).exec(guide)?.[2]?.trim()).toBe(section);
  });
});

describe('the model', () => {
  const intake = costs.intake.postgres;
  if (intake === undefined) throw new Error('intake of Postgres was not measured');
  const one = { replicas: 1, postgresCores: 1, seconds: 5 };

  test('finds what it was given: the time of a single caller', () => {
    const { p50Ms } = store(storeCosts(intake), { ...one, load: { callers: 1 } });
    const measured = intake.at[1]?.p50 ?? 0;
    expect(Math.abs(p50Ms - measured) / measured).toBeLessThan(0.15);
  });

  test('stores what comes, until the cores of Postgres are busy', () => {
    const costsOfStore = { ...storeCosts(intake), bridgeEventUs: 1, bridgeCommitUs: 1, postgresCommitUs: 0 };
    const at = (perSecond: number, postgresCores: number) =>
      store(
        { ...costsOfStore, postgresEventUs: 1_000, flushUs: 100 },
        { replicas: 8, postgresCores, seconds: 4, load: { perSecond, rows: 1 } },
      );
    expect(at(500, 1).perSecond).toBeGreaterThan(450);
    expect(at(500, 1).postgresBusy).toBeCloseTo(0.5, 1);
    // A thousand a second for each core
    expect(at(8_000, 2).perSecond).toBeGreaterThan(1_700);
    expect(at(8_000, 2).perSecond).toBeLessThan(2_100);
  });

  test('commits more events together, the more come', () => {
    const few = store(storeCosts(intake), { ...one, load: { callers: 1 } });
    const many = store(storeCosts(intake), { ...one, load: { callers: 50 } });
    expect(few.eventsPerCommit).toBeCloseTo(1, 1);
    expect(many.eventsPerCommit).toBeGreaterThan(10);
  });

  test('says the same twice', () => {
    const load = { perSecond: 2_000, rows: 10 };
    const run = () => store(storeCosts(intake), { ...one, load });
    expect(run()).toEqual(run());
  });

  test('a backlog is what came meanwhile, and is delivered by what vendors take beside', () => {
    const need = needed(costs, 1_000);
    const { mostRecords, hoursBehind } = outage(costs, need, 'vendors', 3600);
    // With six minutes of half as much load again
    expect(mostRecords).toBe(1_000 * (3_600 + 0.5 * 360));
    expect(hoursBehind).toBeGreaterThan(1);
    expect(hoursBehind).toBeLessThan(1.5);
  });
});
