import { expect, test } from 'vitest';
import { ipList } from '../../src/guardrail/ip-list.ts';

test.each([
  {
    entry: '10.1.2.3',
    on: ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:0a01:0203'],
    off: ['10.1.2.4', '::10.1.2.3'],
  },
  { entry: '10.0.0.0/8', on: ['10.255.0.1', '::ffff:10.9.9.9'], off: ['11.0.0.1', '::ffff:11.0.0.1'] },
  { entry: '10.9.8.7/8', on: ['10.1.1.1'], off: ['9.9.9.9'] },
  { entry: ' 192.168.1.0/24 ', on: ['192.168.1.255'], off: ['192.168.2.0'] },
  { entry: '0.0.0.0/0', on: ['1.2.3.4', '::ffff:1.2.3.4'], off: ['::1', 'fe80::1'] },
  { entry: '::/0', on: ['::1', 'fd00::1'], off: ['1.2.3.4', '::ffff:1.2.3.4'] },
  { entry: '::1', on: ['::1', '0:0:0:0:0:0:0:1'], off: ['127.0.0.1', '::2'] },
  { entry: 'fd00::/8', on: ['fdff::1', 'FD00::A'], off: ['fe00::1'] },
  { entry: 'fe80::/10', on: ['fe80::1%eth0', 'fe80::1'], off: ['fec0::1'] },
  { entry: '::ffff:10.1.2.3', on: ['10.1.2.3', '::ffff:a01:203'], off: ['10.1.2.4'] },
  { entry: '::ffff:10.0.0.0/104', on: ['10.4.4.4'], off: ['11.0.0.1'] },
  { entry: '::ffff:0:0/96', on: ['8.8.8.8'], off: ['::1'] },
])('the entry $entry holds its addresses and no others', ({ entry, on, off }) => {
  const isOn = ipList([entry]);
  expect(on.filter((address) => !isOn(address))).toEqual([]);
  expect(off.filter(isOn)).toEqual([]);
});

test('an address is on the list if any entry holds it', () => {
  const isOn = ipList(['10.0.0.1', 'fd00::1', '192.168.0.0/16']);
  expect(['10.0.0.1', 'fd00::1', '192.168.7.7', '10.0.0.2'].map(isOn)).toEqual([true, true, true, false]);
});

test.each([undefined, '', 'unknown', '10.0.0.1:80', '10.0.0', '10.0.0.1/8', "'; --"])(
  'the address %j is on no list',
  (address) => expect(ipList(['0.0.0.0/0', '::/0'])(address)).toBe(false),
);

test('nobody is on an empty list', () => {
  expect(['127.0.0.1', '::1'].filter(ipList([]))).toEqual([]);
});

test.each([
  ...['', 'host.example', '10.0.0', '010.0.0.1', '10.0.0.1/33', '10.0.0.1/', '10.0.0.1/-1', '10.0.0.1/8/8'],
  ...[
    '10.0.0.1/08',
    '10.0.0.1/8.0',
    '::1/129',
    'fe80::1%eth0',
    '10.0.0.1:80',
    '[::1]',
    '10.0.0.1-10.0.0.9',
    '*',
  ],
])('the entry %j is refused, named by its position', (entry) => {
  expect(() => ipList(['10.0.0.1', entry])).toThrow(
    'entry 2: write an address like 10.1.2.3 or fd00::1, or a range like 10.0.0.0/8 or fd00::/8',
  );
});
