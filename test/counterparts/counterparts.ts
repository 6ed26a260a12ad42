import { join } from 'node:path';
import { goProgram, pythonEnv } from './install.ts';
import { type Command, Server } from './server.ts';

/** A call, and its reply. */
type Sample = {
  readonly name: string;
  readonly call: object;
  readonly reply: object;
};

/** A security system that runs here, as its own makers ship it. */
export type Counterpart = {
  readonly name: string;
  /** Its servers, the one that is asked first. */
  start(): Promise<readonly Server[]>;
  /** Keys of its entry in the policy file beside `name` and `url`. */
  readonly entry: Readonly<Record<string, unknown>>;
  readonly samples: readonly Sample[];
};

const HERE = import.meta.dirname;
const request = (text: string) => ({ input_type: 'request', texts: [text] });
/** Of a release that delivers redactions of responses. */
const response = (text: string) => ({ input_type: 'response', litellm_version: '1.110.2', texts: [text] });

const allowed = (name: string, call: object): Sample => ({ name, call, reply: { action: 'NONE' } });
const blocked = (name: string, call: object): Sample => ({ name, call, reply: { action: 'BLOCKED' } });
const redacted = (name: string, call: object, text: string): Sample => ({
  ...{ name, call },
  reply: { action: 'GUARDRAIL_INTERVENED', texts: [text] },
});

const nemo = async (): Promise<readonly Server[]> => {
  const bin = await pythonEnv('nemo', ['nemoguardrails[server]==0.24.1']);
  const command = (port: number): Command => ({
    program: join(bin, 'nemoguardrails'),
    args: ['server', '--config', join(HERE, 'nemo'), '--port', `${port}`, '--disable-chat-ui'],
    env: { NEMO_GUARDRAILS_DISABLE_CHAT_UI: 'true' },
  });
  return [await Server.start(command, '/v1/health')];
};

const guardrailsAi = async (): Promise<readonly Server[]> => {
  const bin = await pythonEnv('guardrails', ['guardrails-api==0.4.4']);
  const command = (port: number): Command => ({
    program: join(bin, 'guardrails-api'),
    args: ['start', '--config', join(HERE, 'guardrails', 'config.py'), '--port', `${port}`],
    env: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', OTEL_SDK_DISABLED: 'true' },
  });
  return [await Server.start(command, '/health-check')];
};

const presidio = async (): Promise<readonly Server[]> => {
  const bin = await pythonEnv('presidio', ['presidio-analyzer==2.2.366', 'presidio-anonymizer==2.2.366']);
  const command = (port: number): Command => ({
    program: join(bin, 'python'),
    args: [join(HERE, 'presidio', 'server.py'), `${port}`],
  });
  return [await Server.start(command, '/health')];
};

const opa = async (): Promise<readonly Server[]> => {
  const program = await goProgram('github.com/open-policy-agent/opa', 'v1.22.3');
  const command = (port: number): Command => ({
    program,
    args: [
      ...['run', '--server', '--addr', `127.0.0.1:${port}`, '--log-level', 'error'],
      join(HERE, 'opa', 'policy.rego'),
    ],
  });
  return [await Server.start(command, '/health')];
};

const TENANTS = {
  version: 1,
  tenants: {
    house: { org: 'house', label: 'House', principal: 'ops@house.example', environment: 'production' },
  },
  bind: { team_id: { 'team-payments': 'house' } },
};

const reeflex = async (): Promise<readonly Server[]> => {
  const bin = await pythonEnv('reeflex', ['reeflex-litellm==0.2.1']);
  const python = join(bin, 'python');
  const core = await Server.start(
    (port) => ({ program: python, args: [join(HERE, 'reeflex', 'core.py'), `${port}`] }),
    '/health',
  );
  const connector = await Server.start(
    (port) => ({
      program: python,
      args: ['-m', 'reeflex_litellm.connector'],
      env: {
        REEFLEX_CONNECTOR_TOKEN: 'house-token',
        REEFLEX_CONNECTOR_HOST: '127.0.0.1',
        REEFLEX_CONNECTOR_PORT: `${port}`,
        REEFLEX_CORE_URL: core.url,
        REEFLEX_LITELLM_TENANCY_MAP: JSON.stringify(TENANTS),
      },
    }),
    '/healthz',
  );
  return [connector, core];
};

/** Another bridge, with a policy of its own. */
const bridge = async (): Promise<readonly Server[]> => {
  const command = (port: number): Command => ({
    program: process.execPath,
    args: [join(HERE, '..', '..', 'src', 'main.ts')],
    env: {
      PORT: `${port}`,
      HOST: '127.0.0.1',
      BRIDGE_API_KEYS: 'house-token',
      POLICY_FILE: join(HERE, 'bridge', 'policy.yaml'),
      TELEMETRY: 'off',
    },
    folder: join(HERE, 'bridge'),
  });
  return [await Server.start(command, '/healthz')];
};

const toolCall = (name: string) => ({
  input_type: 'response',
  texts: [],
  tool_calls: [{ id: 'call_1', type: 'function', function: { name, arguments: '{"path":"/srv"}' } }],
  request_data: { user_api_key_team_id: 'team-payments' },
});

export const counterparts: readonly Counterpart[] = [
  {
    name: 'NeMo Guardrails, a rail of words',
    start: nemo,
    entry: { kind: 'nemo-guardrails', config_id: 'words' },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      blocked('a request with a number of staff', request('Who is EMP-123456?')),
      allowed('a harmless response', response('It opens at nine.')),
      blocked('a response with the gate code', response('The gate code is 7.')),
      allowed('an empty text', request('')),
    ],
  },
  {
    name: 'NeMo Guardrails, a rail that rewrites',
    start: nemo,
    entry: { kind: 'nemo-guardrails', config_id: 'badge' },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      redacted('a request with a badge', request('I lost BADGE-1234.'), 'I lost [BADGE].'),
    ],
  },
  {
    name: 'Guardrails AI, a guard that denies',
    start: guardrailsAi,
    entry: { kind: 'guardrails-ai', guard: 'deny' },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      blocked('a banned word', request('Is there marmalade?')),
      blocked('a banned word in a response', response('There is marmalade.')),
    ],
  },
  {
    name: 'Guardrails AI, a guard that fixes',
    start: guardrailsAi,
    entry: { kind: 'guardrails-ai', guard: 'fix' },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      redacted('a banned word', request('👋🏽 marmalade?'), '👋🏽 [REDACTED]?'),
    ],
  },
  {
    name: 'Guardrails AI, a guard that raises',
    start: guardrailsAi,
    entry: { kind: 'guardrails-ai', guard: 'strict' },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      blocked('a banned word, under status 400', request('Is there marmalade?')),
    ],
  },
  {
    name: 'Presidio',
    start: presidio,
    entry: {
      kind: 'presidio',
      language: 'en',
      score_threshold: 0.4,
      entities: { EMAIL_ADDRESS: 'mask', PHONE_NUMBER: 'mask', US_SSN: 'block' },
    },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      redacted(
        'an address after an emoji',
        request('👋🏽 mail dana.roe@example.org now'),
        '👋🏽 mail <EMAIL_ADDRESS> now',
      ),
      redacted('a response', response('Call +44 20 7946 0958 today.'), 'Call <PHONE_NUMBER> today.'),
      blocked('an entity that blocks', request('my social security number is 512-34-6782')),
      allowed('a blank text', request('  ')),
    ],
  },
  {
    name: 'OPA',
    start: opa,
    entry: { kind: 'opa', path: 'house/verdict' },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      blocked('a banned word', request('Is there marmalade?')),
      redacted('a badge', response('Badge BADGE-1234 <b>is</b> yours.'), 'Badge [BADGE] <b>is</b> yours.'),
    ],
  },
  {
    name: 'a third-party server of the generic API',
    start: reeflex,
    entry: { kind: 'generic-guardrail', secret: { env: 'HOUSE_TOKEN' } },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      allowed('a tool that is allowed', toolCall('list_files')),
      blocked('a tool that is denied', toolCall('delete_everything')),
    ],
  },
  {
    name: 'another bridge',
    start: bridge,
    entry: { kind: 'generic-guardrail', secret: { env: 'HOUSE_TOKEN' } },
    samples: [
      allowed('a harmless request', request('When does the library open?')),
      blocked('a banned word', request('Is there marmalade?')),
      redacted('an address', request('mail dana.roe@example.org now'), 'mail [EMAIL_ADDRESS] now'),
      redacted('a response', response('mail dana.roe@example.org now'), 'mail [EMAIL_ADDRESS] now'),
    ],
  },
];
