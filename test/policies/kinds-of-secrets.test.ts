import { expect, test } from 'vitest';
import { filled } from '../../src/answers/golden-cases.ts';
import { policyBridges } from '../support/text-cases.ts';

const fateOf = policyBridges();

test.each([
  // The first line of a key file, named in a sentence or in code
  'Die Datei beginnt mit -----BEGIN {{upper 3}} PRIVATE KEY-----, trotzdem fragt ssh-add nach einem Passwort. Woran liegt das, und wie wandle ich sie um?',
  'grep -rl -- "-----BEGIN PRIVATE KEY-----" /etc/ssl | xargs chmod 600',
  'if (line.startsWith("-----BEGIN {{upper 2}} PRIVATE KEY-----")) return parseKey(lines.slice(1));\nthrow new Error("no key in this file");',
  'error:0909006C:PEM routines:get_name:no start line. Expecting: -----BEGIN ENCRYPTED PRIVATE KEY-----. I pasted the certificate instead, where do I find the right file?',
  "const HEADER = '-----BEGIN PRIVATE KEY-----';\nconst FOOTER = '-----END PRIVATE KEY-----';\nexport const isKey = (text) => text.startsWith(HEADER) && text.trimEnd().endsWith(FOOTER);",
  // Placeholders
  'export SLACK_BOT_TOKEN=xoxb-XXXXXXXXXXXX-XXXXXXXXXXXX-XXXXXXXXXXXXXXXXXXXXXXXX',
  'stripe.api_key = "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx"',
  'GOOGLE_MAPS_KEY=AIzaXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX',
  '//registry.npmjs.org/:_authToken=npm_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  'HF_TOKEN=hf_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX python train.py',
  'SENDGRID_API_KEY=SG.xxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  'Welche Rechte braucht GITHUB_TOKEN=ghp_000000000000000000000000000000000000?',
  'DIGITALOCEAN_TOKEN=dop_v1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  'aws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY',
  'DB_PASSWORD=changeme docker compose up',
  'password: "<your-password-here>"\napi_key: YOUR_API_KEY_HERE\ntoken: {{ github_token }}',
  // Values that stand elsewhere
  'token = os.environ["GITHUB_TOKEN"]\npassword = getpass.getpass()\napi_key = config.get("api_key", None)',
  'DB_PASSWORD=$(cat /run/secrets/db_password)\nAPI_KEY=$API_KEY\nSECRET=%SECRET%',
  'env:\n  - name: DB_PASSWORD\n    valueFrom:\n      secretKeyRef:\n        name: house-database\n        key: password',
  'curl -H "Authorization: Bearer $TOKEN" -u "$USER:$PASSWORD" https://api.example.net/v1/tides',
  // Types, names and messages
  'interface Login { password: string; apiKey?: string; refreshToken: Promise<string> }',
  'def connect(password: Optional[str] = None, token: SecretStr = Field(default=None)): ...',
  'PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]\npassword_help_text = password_validators_help_text_html()',
  "const apiKeyHeader = 'x-house-api-key';\nconst tokenUrl = '/oauth2/token';\nconst secretName = 'tls-certificate-harbour';",
  'tokenizer_class: LlamaTokenizerFast\npad_token: <|endoftext|>\nmax_new_tokens: 1024',
  'wrong password: authentication_failed_for_user\nforgotten password? reset_password_confirm',
  // Ids that begin as keys do, and are far too short for one
  'Weiter: https://post.example.org/k?u=sk-8f2kQ1x&b=ghp_Ab12Cd',
  'Content-Type: multipart/mixed; boundary="----=_xoxb-0017_A1B2"\nX-Part: AKCp8budTFpbypBq',
  // Directories
  'PWD=/home/ada/garden OLDPWD=/home/ada make test',
  'cwd = os.environ.get("PWD", "/srv/tides")\ncmd.env("PWD", dir.path())\nspawn(bin, { env: { ...env, PWD: target } })',
  // Public values
  '"integrity": "sha512-{{base64 86}}==",\n"resolved": "https://registry.npmjs.org/tide/-/tide-2.0.1.tgz"',
  'public_key = "{{alnum 44}}"\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{{base64 43}} ada@workbench',
])('is no secret: %j', async (text) => {
  expect(await fateOf('default', { texts: [filled(text)] })).toMatchObject({ action: 'NONE' });
});

test.each([
  ['Schau mal: ghp_{{alnum 36}} geht nicht mehr.', 'Schau mal: [REDACTED] geht nicht mehr.'],
  ['xoxb-{{digits 12}}-{{digits 13}}-{{alnum 24}} is the bot', '[REDACTED] is the bot'],
  ['DB_PASSWORD={{alnum 16}}\nDB_HOST=db.internal', 'DB_PASSWORD=[REDACTED]\nDB_HOST=db.internal'],
  ['curl -u ada:{{alnum 18}} https://api.example.net/', 'curl -u ada:[REDACTED] https://api.example.net/'],
  [
    'DATABASE_URL=postgres://house:{{alnum 20}}@db.internal:5432/tides',
    'DATABASE_URL=postgres://house:[REDACTED]@db.internal:5432/tides',
  ],
  ['Authorization: Bearer {{alnum 40}}', 'Authorization: Bearer [REDACTED]'],
  [
    'an example, not a placeholder: sk_live_{{alnum 24}}, from the docs',
    'an example, not a placeholder: [REDACTED], from the docs',
  ],
  [
    '{"aws_secret_access_key":"{{base64 40}}","region":"eu"}',
    '{"aws_secret_access_key":"[REDACTED]","region":"eu"}',
  ],
])('is a secret, and what stands beside it is kept: %j', async (text, left) => {
  expect(await fateOf('default', { texts: [filled(text)] })).toMatchObject({
    action: 'GUARDRAIL_INTERVENED',
    texts: [filled(left)],
  });
});

test.each([
  'Here it ends:\n-----BEGIN {{upper 3}} PRIVATE KEY-----\n{{base64 64}}\n{{base64 64}}\n{{base64 22}}\n\nand now the harbour office is closed. Which tide do they mean?',
  'key: |\n  -----BEGIN {{upper 3}} PRIVATE KEY-----\n  {{base64 64}}\n  {{base64 40}}\n  -----END {{upper 3}} PRIVATE KEY-----\nWhich tide do they mean?',
])('a key is removed, and not what follows it: %j', async (text) => {
  const { all } = await fateOf('default', { texts: [filled(text)] });
  expect(all).not.toContain(filled('{{base64 40}}'));
  expect(all).toContain('Which tide do they mean?');
});
