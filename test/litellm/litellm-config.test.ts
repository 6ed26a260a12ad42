import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readLitellmConfig } from '../../src/doctor/litellm-file.ts';
import { litellmYaml } from '../../src/doctor/litellm-yaml.ts';
import { wiringFindings } from '../../src/doctor/wiring-findings.ts';
import { banned, type ExampleWorld, startConfig } from './example-world.ts';
import { offline } from './proxy.ts';
import { blockStatus } from './release.ts';

const KEY = 'invented-key';

function printed(release: string, base = 'http://127.0.0.1:8787', mcp = false): string {
  const isLiteral = base.startsWith('http');
  return litellmYaml({
    ...{ release, base, key: 'os.environ/BRIDGE_API_KEY', timeoutSeconds: 30, streams: undefined, mcp },
    ...{ exampleUrl: 'http://bridge:8787' },
    logsUrl: isLiteral ? `${base}/v1/litellm/logs` : 'os.environ/BRIDGE_LOGS_URL',
  });
}

const HEADERS = / {4}headers:.*\n.*\n/;
/** A fault, and how to make it. */
const faults: Record<string, (yaml: string) => string> = {
  nothing: (yaml) => yaml,
  'a misspelt mode': (yaml) => yaml.replace('mode: pre_call', 'mode: precall'),
  'a mode that is a number': (yaml) => yaml.replace('mode: pre_call', 'mode: 7'),
  'no mode': (yaml) => yaml.replace('      mode: pre_call\n', ''),
  'a mode in capitals': (yaml) => yaml.replace('mode: pre_call', 'mode: PRE_CALL'),
  logging_only: (yaml) => yaml.replace('mode: pre_call', 'mode: logging_only'),
  'spoken input': (yaml) => yaml.replace('mode: pre_call', 'mode: [pre_call, realtime_input_transcription]'),
  'modes of MCP': (yaml) => yaml.replace('mode: pre_call', 'mode: [pre_call, pre_mcp_call]'),
  'no address': (yaml) => yaml.replace('      api_base: http://127.0.0.1:8787', '      #'),
  'an unknown fallback': (yaml) => yaml.replace('fail_closed', 'open'),
  'a timeout that is no number': (yaml) => yaml.replace('timeout: 30', 'timeout: soon'),
  'a rate of 0': (yaml) =>
    yaml.replace('default_on: true', 'streaming_sampling_rate: 0\n      default_on: true'),
  'six retries': (yaml) => yaml.replace('default_on: true', 'num_retries: 6\n      default_on: true'),
  'a misspelt guardrail': (yaml) => yaml.replace('generic_guardrail_api', 'generic_guardrail'),
  'an entry without a name': (yaml) => yaml.replace('guardrail_name: bridge-pre', 'name: bridge-pre'),
  'an entry without parameters': (yaml) =>
    yaml.replace('litellm_params:\n      guardrail', 'params:\n      guardrail'),
  'guardrails that are no list': (yaml) => yaml.replace('guardrails:\n', 'guardrails: { a: 1 }\nothers:\n'),
  'a callback without settings': (yaml) => yaml.replace(/callback_settings:\n[\s\S]*?\n\n/, ''),
  'a callback without headers': (yaml) => yaml.replace(HEADERS, ''),
  'a callback of another type': (yaml) =>
    yaml.replace('callback_type: generic_api', 'callback_type: generic-api'),
  'a callback without an endpoint': (yaml) => yaml.replace(/ {4}endpoint:.*\n/, ''),
  'callbacks that are no list': (yaml) => yaml.replace('[bridge]', 'bridge'),
  'a format that there is not': (yaml) =>
    yaml.replace('    max_retries', '    log_format: xml\n    max_retries'),
  'successes alone': (yaml) => yaml.replace('  callbacks:', '  success_callback:'),
  'successes without headers': (yaml) =>
    yaml.replace('  callbacks:', '  success_callback:').replace(HEADERS, ''),
  'a section that stands twice': (yaml) => `${yaml}litellm_settings:\n  drop_params: true\n`,
  'an include that is not there': (yaml) => `include: [nowhere.yaml]\n${yaml}`,
};

type Outcome = { readonly starts: boolean; readonly guardrails: readonly string[]; readonly logs: boolean };

describe.each(inject('releases'))('litellm $version', (release) => {
  const { version, bin } = release;
  let world: ExampleWorld;
  let folder: string;
  let outcomes: Record<string, Outcome>;
  const env = { BRIDGE_API_KEY: KEY };

  /** Each file as LiteLLM has read it. */
  async function loaded(): Promise<typeof outcomes> {
    for (const [fault, change] of Object.entries(faults))
      await writeFile(join(folder, `${fault}.yaml`), change(printed(version)));
    await writeFile(join(folder, 'with MCP.yaml'), printed(version, undefined, true));
    const script = join(import.meta.dirname, 'load-configs.py');
    const ofLitellm = { OPENAI_API_KEY: 'invented', LITELLM_MASTER_KEY: 'sk-invented', ...offline };
    const { stdout } = await promisify(execFile)(join(bin, 'python'), [script, folder], {
      env: { ...process.env, ...env, ...ofLitellm },
    });
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'litellm-load-'));
    [outcomes, world] = await Promise.all([
      loaded(),
      startConfig(release, printed(version, 'os.environ/BRIDGE_URL')),
    ]);
  });
  afterAll(async () => {
    await world?.stop();
    await rm(folder, { recursive: true });
  });

  test.each([...Object.keys(faults), 'with MCP'])('does with %s what the doctor says', (fault) => {
    const config = readLitellmConfig(join(folder, `${fault}.yaml`));
    const settings = {
      ...{ port: 8787, apiKeys: [KEY], isOpen: false, responseRedaction: 'auto' as const },
      ...{ longestCheckMs: 5000, takesRecords: true },
    };
    const { findings } = wiringFindings(config, { release: version, env, settings });
    const said = findings.map(({ message }) => message).join('\n');
    const lost = findings.filter(({ message }) => message.includes('starts without this guardrail'));
    const all = [
      ...printed(version, undefined, fault === 'with MCP').matchAll(/guardrail_name: ([\w-]+)/g),
    ].map(([, name]) => name);
    const starts = !said.includes('does not start');
    expect({ said, ...outcomes[`${fault}.yaml`], error: undefined }).toEqual({
      ...{ said, starts, error: undefined },
      guardrails: starts ? all.filter((name) => lost.every(({ subject }) => subject !== name)) : [],
      logs: starts && !/logs nothing there|callback_settings has it|no generic_api callback/.test(said),
    });
  });

  const ask = (content: string) =>
    world.send('/v1/chat/completions', { model: 'gpt-4o-mini', messages: [{ role: 'user', content }] });

  test('has requests and responses judged by what litellm-config prints', async () => {
    world.provider.reset({ text: 'a plum' });
    expect(await ask('fruit, please')).toMatchObject({ status: 200 });
    expect(await ask(`${banned}, please`)).toMatchObject({ status: blockStatus(release) });
    world.provider.reset({ text: `a ${banned}` });
    expect(await ask('fruit, please')).toMatchObject({ status: blockStatus(release) });
  });
});
