import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { monitoringFile } from '../support/monitoring.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
/** Types of each kind of panel; the package lists no way to them. */
const KINDS = join(ROOT, 'node_modules/@grafana/schema/dist/types/raw/composable');
const FOLDERS: Readonly<Record<string, string>> = {
  timeseries: 'timeseries',
  stat: 'stat',
  table: 'table',
  heatmap: 'heatmap',
  'state-timeline': 'statetimeline',
};

// biome-ignore lint/suspicious/noExplicitAny: as JSON has it
type Json = any;

/** A program that compiles if a dashboard has the form of Grafana's schema, with the options of each panel. */
function programOf(dashboard: Json): string {
  const { templating, annotations, ...rest } = structuredClone(dashboard);
  // Fields of the data source, of which the schema does not know
  for (const variable of templating.list) delete variable.definition;
  for (const annotation of annotations.list)
    for (const key of ['expr', 'titleFormat', 'step']) delete annotation[key];
  const lines = [
    "import type { Dashboard } from '@grafana/schema';",
    ...Object.values(FOLDERS).map(
      (folder) => `import type * as ${folder} from '${join(KINDS, folder, 'panelcfg/x/types.gen.d.ts')}';`,
    ),
    `import type { JsonForm, PartOf } from '${join(import.meta.dirname, 'json-form.ts')}';`,
    `export const dashboard: JsonForm<Dashboard> = ${JSON.stringify({ ...rest, templating, annotations })};`,
  ];
  for (const { id, type, options, fieldConfig } of dashboard.panels) {
    if (type === 'row') continue;
    lines.push(
      `export const options${id}: PartOf<JsonForm<${FOLDERS[type]}.Options>> = ${JSON.stringify(options)};`,
    );
    const { custom } = fieldConfig.defaults;
    if (custom !== undefined)
      lines.push(
        `export const custom${id}: PartOf<JsonForm<${FOLDERS[type]}.FieldConfig>> = ${JSON.stringify(custom)};`,
      );
  }
  return `${lines.join('\n')}\n`;
}

/** What TypeScript says of a program; nothing if it compiles. */
async function mistakesIn(program: string): Promise<string> {
  const folder = mkdtempSync(join(ROOT, 'node_modules/.dashboard-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'dashboard.ts');
  writeFileSync(file, program);
  const flags = [
    '--noEmit',
    '--skipLibCheck',
    '--strict',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
  ];
  return run(join(ROOT, 'node_modules/.bin/tsc'), [
    ...flags,
    '--allowImportingTsExtensions',
    '--ignoreConfig',
    file,
  ]).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );
}

test("the dashboard has the form of Grafana's schema, and a slip in it is found", async () => {
  const dashboard = JSON.parse(monitoringFile('dashboard.json'));
  expect(await mistakesIn(programOf(dashboard))).toBe('');
  const panel = dashboard.panels.find(({ type }: Json) => type === 'timeseries');
  panel.options.legend.placement = 'buttom';
  expect(await mistakesIn(programOf(dashboard))).toContain('buttom');
});
