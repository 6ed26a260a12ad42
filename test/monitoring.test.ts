import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { DatabaseObserver } from '../src/records/database-observer.ts';
import { RecordsObserver } from '../src/records/records-observer.ts';
import { createWorkerMetrics } from '../src/workers/all-metrics.ts';
import { aktoAllows } from './support/akto.ts';
import { anchorsOf } from './support/anchors.ts';
import { aktoAt, testBridge } from './support/bridge.ts';
import { startFakeBackend } from './support/fake-backend.ts';
import {
  alerts,
  dashboard,
  MONITORING_FOLDER,
  monitoringFile,
  type Panel,
  rules,
} from './support/monitoring.ts';

/** Labels that Prometheus or the operator adds, and those of its own series. */
const ADDED = ['job', 'instance', 'namespace'];
/** Labels whose values are names of the operator's. */
const FREE = ['backend', 'policy', 'rule', 'team', 'release'];

type Known = { readonly type: string; readonly labels: Map<string, Set<string>> };

/** Metrics by name, as a scrape shows them: parts of a histogram each with its own. */
function metricsOf(page: string): Map<string, Known> {
  const known = new Map<string, Known>();
  const types = new Map<string, string>();
  for (const line of page.split('\n')) {
    const [, typed, type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (typed !== undefined) {
      types.set(typed, type);
      if (type !== 'histogram') known.set(typed, { type, labels: new Map() });
    }
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const one = known.get(name) ?? { type: 'histogram', labels: new Map<string, Set<string>>() };
    known.set(name, one);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g))
      one.labels.set(label, (one.labels.get(label) ?? new Set()).add(value));
  }
  return known;
}

let known: Map<string, Known>;
let close: () => Promise<unknown>;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'monitoring-'));
  const policies = {
    pack: { name: 'watched', version: '1.0.0', enabled: true },
    policies: { chain: ['banned-keywords', 'secrets'] },
    policy: { 'banned-keywords': { keywords: ['denied'], mode: 'observe' }, secrets: { mode: 'observe' } },
  };
  writeFileSync(join(folder, 'policy.yaml'), JSON.stringify(policies));
  const akto = await startFakeBackend(aktoAllows);
  const bridge = testBridge({
    ...aktoAt(akto.url),
    DATA_DIR: join(folder, 'data'),
    POLICY_FILE: join(folder, 'policy.yaml'),
  });
  close = async () => {
    await bridge.close();
    await akto.close();
    rmSync(folder, { recursive: true });
  };
  await bridge.ready();
  await bridge.ask({
    input_type: 'request',
    texts: [`why is AKIA${'ABCDEFGHIJKLMNOP'} denied?`, 'mail ada@acme.example'],
  });
  const log = () => {};
  const place = { url: 'postgres://bridge@db.example/bridge', schema: 'guardrail_bridge' };
  known = metricsOf(
    [
      await (await bridge.app.request('/metrics')).text(),
      await createWorkerMetrics().text(),
      await new DatabaseObserver(new RecordsObserver([], log), log, place).text(undefined),
    ].join('\n'),
  );
  known.set('up', { type: 'gauge', labels: new Map() });
  known.set('ALERTS', {
    type: 'gauge',
    labels: new Map(
      ['alertname', 'alertstate', 'severity', 'backend', 'code'].map((label) => [label, new Set<string>()]),
    ),
  });
  for (const { record, expr } of rules) {
    if (record === undefined) continue;
    const by = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? [];
    known.set(record, { type: 'gauge', labels: new Map(by.map((label) => [label, new Set<string>()])) });
  }
});
afterAll(() => close());

const NAME = /\b((?:backend:)?(?:guardrail_bridge|nodejs|process)_[\w:]+|up|ALERTS)\b(?:\{([^}]*)\})?/g;
const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;

/** What of a query names a metric, a label or a value that no bridge shows. */
function unknownIn(expr: string): string[] {
  const wrong: string[] = [];
  const labels = new Set<string>([...ADDED, 'le']);
  for (const [whole, name = '', matchers = ''] of expr.matchAll(NAME)) {
    const metric = known.get(name);
    if (metric === undefined) {
      wrong.push(name);
      continue;
    }
    for (const label of metric.labels.keys()) labels.add(label);
    for (const [, label = '', , text = ''] of matchers.matchAll(MATCHER)) {
      if (ADDED.includes(label) || name === 'ALERTS') continue;
      const values = metric.labels.get(label);
      if (values === undefined) wrong.push(`${whole}: no label ${label}`);
      else if (!(FREE.includes(label) && (text.includes('$') || text === 'policies')))
        wrong.push(
          ...text
            .split('|')
            .filter((value) => !values.has(value))
            .map((value) => `${whole}: ${value}`),
        );
    }
  }
  const named = [...expr.matchAll(/\b(?:by|on|without|group_left|group_right) \(([^)]*)\)/g)];
  for (const label of named.flatMap(([, list = '']) => list.split(/,\s*/).filter(Boolean)))
    if (!labels.has(label)) wrong.push(`no label ${label}: ${expr}`);
  return wrong;
}

const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const queries = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
);
/** Each alert by the title of its runbook entry. */
const entries = [
  ...monitoringFile('runbook.md').matchAll(/^### (\w+)\n\n(page|ticket) · (.*?)(?=^##|$(?![\s\S]))/gms),
];

test('what a query gets wrong is found', () => {
  expect(unknownIn('rate(guardrail_bridge_bypases_total[5m])')).toEqual(['guardrail_bridge_bypases_total']);
  expect(unknownIn('guardrail_bridge_check_seconds > 1')).toEqual(['guardrail_bridge_check_seconds']);
  expect(unknownIn('guardrail_bridge_bypasses_total{fallback=~"fail_open|fail_shut"}')).toHaveLength(1);
  expect(unknownIn('guardrail_bridge_bypasses_total{kind="timeout"}')).toHaveLength(1);
  expect(unknownIn('sum by (kind) (guardrail_bridge_bypasses_total)')).toHaveLength(1);
});

describe('alerts.yaml', () => {
  test('names metrics, labels and values that a bridge shows', () => {
    expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
  });

  test.each(alerts.map((rule) => [rule.alert, rule] as const))(
    '%s says what is wrong, how grave it is, and where the runbook is',
    (name, { labels, annotations, expr }) => {
      expect(Object.keys(labels)).toEqual(['severity']);
      expect(labels.severity).toMatch(/^(?:page|ticket)$/);
      expect(Object.keys(annotations)).toEqual(['summary', 'description', 'runbook_url']);
      expect(annotations.runbook_url).toBe(`examples/monitoring/runbook.md#${name.toLowerCase()}`);
      const { summary = '', description = '' } = annotations;
      for (const text of [summary, description]) expect(text).toMatch(/^.{15,160}[.]$/);
      for (const [template] of `${summary}${description}`.matchAll(/\{\{.*?\}\}/g))
        expect(template).toMatch(
          /^\{\{ (?:(?:with )?\$labels\.\w+|\$value(?: \| humanize(?:Percentage|Duration)?)?|\.|end) \}\}$/,
        );
      // A label that the query has dropped would be empty
      const kept = new Set(
        [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', ')),
      );
      const recorded = [...expr.matchAll(NAME)].flatMap(([, one = '']) => [
        ...(known.get(one)?.labels.keys() ?? []),
      ]);
      for (const [, label = ''] of `${summary}${description}`.matchAll(/\$labels\.(\w+)/g))
        expect([...kept, ...(kept.size === 0 ? [...recorded, ...ADDED] : recorded)], label).toContain(label);
    },
  );

  test('has names that are there once, and begin alike', () => {
    const names = alerts.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^GuardrailBridge[A-Z]/.test(name))).toEqual([]);
  });

  test('lets few wake somebody up, as the guide says', () => {
    const pages = alerts.filter(({ labels }) => labels.severity === 'page').map(({ alert }) => alert);
    const readme = monitoringFile('README.md');
    expect(readme).toContain(
      `alert rules: ${pages.length} that wake somebody up, ${alerts.length - pages.length} that`,
    );
    const listed = [...readme.matchAll(/\[(GuardrailBridge\w+)\]/g)].map(([, name]) => name);
    expect(listed.toSorted()).toEqual(pages.toSorted());
  });
});

describe('runbook.md', () => {
  test('has an entry for each alert, in their severity, and for nothing else', () => {
    expect(entries.map(([, name, severity]) => [name, severity])).toEqual(
      expect.arrayContaining(alerts.map(({ alert, labels }) => [alert, labels.severity])),
    );
    expect(entries).toHaveLength(alerts.length);
    const anchors = anchorsOf(monitoringFile('runbook.md'));
    for (const { alert } of alerts) expect(anchors).toContain(alert.toLowerCase());
  });

  test.each(entries.map(([, name, , text]) => [name, text] as const))(
    '%s says what it means, causes, what to run and to do, and when it ends',
    (name, text = '') => {
      const parts = ['Means', 'Causes', 'Run', ...(name === 'GuardrailBridgeFinding' ? [] : ['Do']), 'Ends'];
      const found = [...text.matchAll(/^- \*\*(\w+)\*\*/gm)].map(([, part]) => part);
      expect(found.filter((part) => part !== 'Symptom')).toEqual(parts);
    },
  );
});

test('each alert has a unit test in which it fires, and each such test an alert', () => {
  const { rule_files, tests } = parseYaml(monitoringFile('alerts.test.yaml'));
  expect(rule_files).toEqual(['alerts.yaml']);
  const fired = new Set<string>();
  for (const one of tests) {
    const expected: { exp_samples?: { labels: string }[] }[] = one.promql_expr_test;
    // Each is silent at some time, too
    expect(expected.length, one.name).toBeGreaterThan(0);
    for (const { labels } of expected.flatMap(({ exp_samples = [] }) => exp_samples)) {
      const [, alert = '', severity] = /alertname="(\w+)", severity="(\w+)"/.exec(labels) ?? [];
      expect(alerts.find((rule) => rule.alert === alert)?.labels.severity, labels).toBe(severity);
      fired.add(alert);
    }
  }
  expect([...fired].toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
});

describe('dashboard.json', () => {
  test('names metrics, labels and values that a bridge shows, and none that Grafana alone knows', () => {
    expect(queries.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
    const variables = queries.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map(([, name]) => name));
    expect([...new Set(variables)].toSorted()).toEqual(
      ['job', 'instance', 'backend', '__rate_interval', '__range'].toSorted(),
    );
  });

  test('names the lines of a panel by labels that its query keeps', () => {
    for (const { expr, legendFormat, title } of queries) {
      const by = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
      const kept = by.length > 0 ? by : ADDED;
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        expect(kept, title).toContain(label);
    }
  });

  test('asks the data source, jobs, bridges and vendors that are chosen', () => {
    const { list } = dashboard.templating;
    expect(list.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'datasource datasource',
      'job query',
      'instance query',
      'backend query',
    ]);
    for (const { definition = '' } of list) expect(unknownIn(definition)).toEqual([]);
    const chosen = { type: 'prometheus', uid: `\${datasource}` };
    for (const panel of panels) {
      expect(panel.datasource).toEqual(chosen);
      for (const { datasource } of panel.targets ?? []) expect(datasource).toEqual(chosen);
    }
    for (const { expr = '' } of dashboard.annotations.list) expect(unknownIn(expr)).toEqual([]);
    for (const { expr, title } of queries)
      if (!expr.includes('ALERTS')) expect(expr, title).toMatch(/job=~"\$job",instance=~"\$instance"/);
  });

  test('has rows in the order of what an operator fears', () => {
    const rows = dashboard.panels
      .filter(({ type }) => type === 'row')
      .map(({ title }) => title.split(':')[0]);
    expect(rows).toEqual([
      ...['Outage', 'Bypasses', 'Records', 'Latency', 'Vendors', 'Policies', 'Findings', 'Resources'],
    ]);
  });

  test('describes each panel, gives it a unit, and puts none over another', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = new Set<string>();
    for (const { title, description = '', fieldConfig, gridPos } of panels) {
      expect(description, title).toMatch(/^.{8,}\.$/);
      expect(fieldConfig?.defaults.unit, title).toMatch(/./);
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), title).toBe(false);
          cells.add(`${x} ${y}`);
        }
      }
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  });

  test('shows bypassed calls in a colour of their own, and never among those that were allowed', () => {
    const panel = panels.find(({ title }) => title === 'Calls by decision') as Panel;
    const colours = (panel.fieldConfig?.overrides ?? []).map(({ matcher, properties }) => [
      matcher.options,
      properties.flatMap(({ id, value }) =>
        id === 'color' ? [(value as { fixedColor: string }).fixedColor] : [],
      )[0],
    ]);
    expect(new Set(colours.map(([, colour]) => colour)).size).toBe(colours.length);
    const bypassed = panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === 'bypassed');
    expect(bypassed?.properties).toContainEqual({
      id: 'custom.stacking',
      value: { mode: 'none', group: 'B' },
    });
    const allowed = panel.targets?.find(({ legendFormat }) => legendFormat === 'allowed')?.expr ?? '';
    expect(allowed).toMatch(/action="NONE".* - .*bypass/);
  });
});

test('the chart has the rules as they are here', () => {
  const copy = readFileSync(join(MONITORING_FOLDER, '../kubernetes/chart/files/alerts.yaml'), 'utf8');
  expect(copy, 'cp examples/monitoring/alerts.yaml examples/kubernetes/chart/files/').toBe(
    monitoringFile('alerts.yaml'),
  );
});

test('compose.yaml mounts what is there, and pins its images by a tag', () => {
  const { services } = parseYaml(monitoringFile('compose.yaml'));
  for (const { image, volumes } of Object.values<{ image: string; volumes: string[] }>(services)) {
    expect(image).toMatch(/:v?\d+\.\d+\.\d+$/);
    for (const [, file = ''] of volumes.join('\n').matchAll(/^\.\/examples\/monitoring\/([^:]+):/gm))
      expect(monitoringFile(file).length).toBeGreaterThan(0);
  }
  const { scrape_configs, rule_files } = parseYaml(monitoringFile('prometheus.yaml'));
  expect(rule_files).toEqual(['alerts.yaml']);
  expect(scrape_configs[0]).toMatchObject({
    job_name: 'guardrail-bridge',
    static_configs: [{ targets: ['bridge:8787'] }],
  });
});
