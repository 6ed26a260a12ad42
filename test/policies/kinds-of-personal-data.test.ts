import { expect, test } from 'vitest';
import { policyBridges } from '../support/text-cases.ts';

const fateOf = policyBridges();

test.each([
  // Addresses that are nobody's, and versions
  'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.1.0.2 OPR/115.0.0.0 YaBrowser/24.10.0.0 Electron/32.2.0.7',
  'pip install tide-tables==1.2.3.4 "harbour>=2.0.0.1,<3.1.0.0"',
  '[assembly: AssemblyVersion("2.1.0.0")]\n<PackageReference Include="Tide" Version="4.18.2.1" />',
  'driver version 31.0.15.3623 (WHQL), firmware v1.10.2.7, build 10.0.19.45',
  'see section 3.2.1.4 of the standard, and §§ 4.1.2.3 and 7.2.1.1 of the annex',
  'iptables -A INPUT -s 0.0.0.0/0 -j DROP; route add default netmask 255.255.255.0; dig @127.0.0.53 example.net',
  'nginx: listen [::1]:8080; listen [::]:443 ssl; set_real_ip_from 127.0.0.1; allow ::1;',
  'use std::net::tcp; impl a::B for c::D {} // abc::def::fed(b::c)\nFoo::Bar.new.call',
  // An @ without a mailbox
  "git remote add origin git@bitbucket.org:house/tides.git\npip install 'tides @ git+ssh://git@git.example.org/house/tides.git'",
  'rsync -a deploy@web1.example.net:/srv/www/ ./www\nscp -P 22 root@db.example.net:backup.sql .',
  'systemctl restart postgresql@15-main.service getty@tty3.service user@1000.service',
  'Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com\nMACs hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com',
  'npm i lodash@4.17.21 @types/node@20.11.5 react@18.3.1\npnpm dlx create-vite@5.5.2',
  'uses: actions/checkout@v4.2.2\nuses: docker/build-push-action@v6.9.0\ngo install golang.org/x/tools/gopls@v0.16.2',
  '<img src="sprite@2x.png" srcset="harbour@3x.webp 3x">',
  'items.forEach { if (it.isDry) return@forEach.also { log() } }\nthis@Harbour.close()',
  'y = (A@B.T)@x.reshape(-1)\nloss = pred@weights.transpose(0, 1)',
  // Digits that are no card
  'backup-20261126101530.tar.gz\nbackup-20261127101542.tar.gz\nbackup-20261128101607.tar.gz',
  'class AddTides < Migration[7.1] # 20250102030407, 20250102030415, 20250102030423, 20250102030431',
  'ean: 4006381333931, 4012345678901, 5901234123457, 4260012345671, 4015000123459',
  'p = 0.4111111111111111; q = 4111111111111111.5; r = 5555555555554444e-12',
  'id 1111222233334444555566667777 of the parcel, trace 41111111111111110000',
  'const MAX = 9007199254740991n; const SEED = 6364136223846793005n; // 1442695040888963407',
  'created 1764144000123456, 1764144000123457, 1764144000123465 (us)',
  'IMEI 356938035643809, ICCID 89490200001234567897',
  // Plus signs that begin no phone number
  '@@ -3,4 +3,6 @@\n 1764140400\n+1764140460\n+1764140520\n+1764140580\n-1764140640',
  'w = +0.03125, b = -1.5+2.25j, eps = +1.19209290e-07, score +12.345678',
  '2026-11-26T10:15:30+0100 took +1234567890 ns; 7 files changed, +1234567 -7654321',
  'a+1234567890 == b+9876543210 ? c : d',
  '00000010  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|',
  '+10,000,000 views since May, +1.234.567 Euro im Vergleich zum Vorjahr',
])("is nobody's: %j", async (text) => {
  expect(await fateOf('default', { texts: [text] })).toMatchObject({ action: 'NONE' });
});

test.each([
  // Quotes, brackets and what follows
  ['{ cc: "bo.lind@example.org" }', '{ cc: "[EMAIL_ADDRESS]" }'],
  ["f('ada.frost@example.com','bo@example.org')", "f('[EMAIL_ADDRESS]','[EMAIL_ADDRESS]')"],
  [
    '<ada.frost@example.com>, (bo@example.org); [cy@example.net]',
    '<[EMAIL_ADDRESS]>, ([EMAIL_ADDRESS]); [[EMAIL_ADDRESS]]',
  ],
  ['Schreib an ada.frost@example.com. Danke!', 'Schreib an [EMAIL_ADDRESS]. Danke!'],
  [
    '<a href="mailto:ada.frost@example.com?subject=tides">',
    '<a href="mailto:[EMAIL_ADDRESS]?subject=tides">',
  ],
  [
    '`ada.frost@example.com` «bo@example.org» “cy@example.net”',
    '`[EMAIL_ADDRESS]` «[EMAIL_ADDRESS]» “[EMAIL_ADDRESS]”',
  ],
  ["it's o'hara@example.com's turn", "it's [EMAIL_ADDRESS]'s turn"],
  ['http://81.2.69.142:8443/x (198.51.100.7)', 'http://[IP_ADDRESS]:8443/x ([IP_ADDRESS])'],
  ['<a href="tel:+49305550142">030</a>', '<a href="tel:[PHONE_NUMBER]">030</a>'],
  ['amount;card\n7,20;4242424242424242\n', 'amount;card\n7,20;[CREDIT_CARD]\n'],
  ['IBAN NL91ABNA0417164300 (Ada)', 'IBAN [IBAN_CODE] (Ada)'],
  ['Karte 4242-4242-4242-4242, gültig', 'Karte [CREDIT_CARD], gültig'],
  // Other blanks and signs
  [
    'Payez sur FR76\u202f3000\u202f6000\u202f0112\u202f3456\u202f7890\u202f189, merci',
    'Payez sur [IBAN_CODE], merci',
  ],
  ['GB82\u00a0WEST\u00a01234\u00a05698\u00a07654\u00a032 is it', '[IBAN_CODE] is it'],
  ['card 4242\u20074242\u20074242\u20074242!', 'card [CREDIT_CARD]!'],
  ['card 5555\u20095555\u20095555\u20094444!', 'card [CREDIT_CARD]!'],
  ['card 4242–4242–4242–4242!', 'card [CREDIT_CARD]!'],
  ['karta ４２４２４２４２４２４２４２４２!', 'karta [CREDIT_CARD]!'],
  ['SSN 536\u201122\u20111234.', 'SSN [US_SSN].'],
  ['Rufen Sie +49\u00a030\u00a05550142 an', 'Rufen Sie [PHONE_NUMBER] an'],
  ['an ada.frost\u200b@example.com bitte', 'an [EMAIL_ADDRESS] bitte'],
  ['card 4242 4242\n4242 4242 of Ada', 'card [CREDIT_CARD] of Ada'],
  // Escapes, percent codes, entities
  ['/find?q=bo.lind%40example.org&sort=up', '/find?q=[EMAIL_ADDRESS]&sort=up'],
  [String.raw`{"to":"bo.lind\u0040example.org","n":1}`, '{"to":"[EMAIL_ADDRESS]","n":1}'],
  [String.raw`{"log":"from\u00a0198.51.100.7\nok"}`, String.raw`{"log":"from\u00a0[IP_ADDRESS]\nok"}`],
  [String.raw`"{\"card\":\"\\u00a04242424242424242\"}"`, String.raw`"{\"card\":\"\\u00a0[CREDIT_CARD]\"}"`],
  ['<td>ada.frost&#64;example.com</td>', '<td>[EMAIL_ADDRESS]</td>'],
  ['<td>4242&nbsp;4242&nbsp;4242&nbsp;4242</td>', '<td>[CREDIT_CARD]</td>'],
  [
    'referer: https://example.net/?from=%3C203.0.113.9%3E',
    'referer: https://example.net/?from=%3C[IP_ADDRESS]%3E',
  ],
  [String.raw`{"tel":"\u002b49 30 5550142"}`, '{"tel":"[PHONE_NUMBER]"}'],
  // In the middle of what is no personal data
  ['20261126101530;4242424242424242;0.5', '20261126101530;[CREDIT_CARD];0.5'],
  ['+bo.lind, phone +44 20 7946 0958', '+bo.lind, phone [PHONE_NUMBER]'],
  ['Chrome/131.0.0.0 from 203.0.113.9', 'Chrome/131.0.0.0 from [IP_ADDRESS]'],
  ['git@github.com:a/b.git by bo.lind@example.org', 'git@github.com:a/b.git by [EMAIL_ADDRESS]'],
])('is replaced whole, and nothing beside it: %j', async (text, left) => {
  expect(await fateOf('default', { texts: [text] })).toMatchObject({
    action: 'GUARDRAIL_INTERVENED',
    texts: [left],
  });
});
