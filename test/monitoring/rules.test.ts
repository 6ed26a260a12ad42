import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MONITORING_FOLDER, rules } from '../support/monitoring.ts';
import { promtool } from './programs.ts';

const file = (name: string) => join(MONITORING_FOLDER, name);

test('promtool takes the rules', async () => {
  expect(await promtool('check', 'rules', file('alerts.yaml'))).toContain(
    `SUCCESS: ${rules.length} rules found`,
  );
});

test('promtool takes the configuration of Prometheus, with the rules', async () => {
  const said = await promtool('check', 'config', file('prometheus.yaml'));
  expect(said).toMatch(/prometheus\.yaml is valid/);
  expect(said).toContain(`${rules.length} rules found`);
});

test('the unit tests of the rules pass', async () => {
  expect(await promtool('test', 'rules', file('alerts.test.yaml'))).toContain('SUCCESS');
});
