import { hash } from 'node:crypto';

/**
 * Keys that vendors and standards print in what they publish, so that nobody's data is behind them: the first 16 digits of
 * SHA-256 of each.
 *
 * @see https://github.com/firebase/firebase-android-sdk (its tests), https://github.com/yarnpkg/berry/issues/6201,
 * https://docs.stripe.com/keys,
 * https://learn.microsoft.com/azure/storage/common/storage-connect-azurite,
 * https://learn.microsoft.com/azure/cosmos-db/emulator, https://jwt.io, RFC 6749, RFC 6750, RFC 7617
 */
const DOCUMENTED: ReadonlySet<string> = new Set([
  // Google, in the SDK of Firebase for Android
  '27a9a42931dff7eb',
  '49f777db995e8260',
  'a6c814bc555ae62c',
  '8731261cb72d8626',
  '37f8f09bdf12c2f2',
  'eb540d2b6ee2a0a4',
  '2037abcaffb2b777',
  '3a8b61d0f636b007',
  '4c98242dcadc8b29',
  'ea9bb1082cf95663',
  'a19f89ab3555eac1',
  'e4a5542bb7fd7b67',
  'dc0fcf046c61640c',
  '6ca6473b42d9c17e',
  'f56e323494a6ffc2',
  '0b476bdf9acf2123',
  // Algolia, the key of a search box
  '2f21fd9c81678e39',
  // Stripe, in its guides
  '2cafc0970149a84f',
  'f2d6ca16515033e5',
  '2d1f7723aabc5c7a',
  '7e8de44ea9ecf6d5',
  '69e5a07ccf06bc5a',
  // Microsoft: the storage emulator, the emulator of Cosmos DB
  '0011cc25eb432071',
  'aa6547439583c3a2',
  // The tokens of jwt.io
  '7f75367e78812551',
  'c794fa6d20c64efb',
  'da816f9f2c16e6c5',
  // RFC 6749, 6750, 7617 and 7519
  'cf4d418ed3de92d7',
  '0e9d220616f08345',
  'bdfeaef44475711c',
  '687da00b09c83361',
  'e4da07ad200089ce',
  'ca7459e2b26776de',
  '584b27d64ebc1b33',
  'b8e148545b13c78b',
  '6c96130f130ab0d6',
  'ad71fb4165536675',
  'e9974c507d2a8021',
  '53f5da0aaa93d64c',
  '00cf4c781dc37003',
  '9e309cccd311ea64',
]);

/** No printed key is shorter or longer. */
const SHORTEST = 10;
const LONGEST = 1024;

/** True for a key out of a documentation. */
export function isDocumented(value: string): boolean {
  const { length } = value;
  return length >= SHORTEST && length <= LONGEST && DOCUMENTED.has(hash('sha256', value).slice(0, 16));
}
