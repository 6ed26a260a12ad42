import { type Entity, entity, NUMBER_EDGE } from './entity.ts';
import { IPV4_RULE } from './ipv4.ts';
import { IPV6_RULE } from './ipv6.ts';

/** IP addresses of both kinds, and those of network hardware. */
export const NETWORK: readonly Entity[] = [
  entity('IP_ADDRESS', ['IP'], 'always', IPV4_RULE, IPV6_RULE),
  // Two hexadecimal digits six times, with the same sign between all of them; all zeros and all ones are nobody's
  entity('MAC_ADDRESS', ['MAC'], 'always', {
    anchors: [':', '-'],
    lead: 2,
    pattern: String.raw`${NUMBER_EDGE}(?<![:-])(?!(?:00.){5}00|(?:FF.){5}FF)[0-9A-F]{2}(?:(?::[0-9A-F]{2}){5}(?![:.]?\w)|(?:-[0-9A-F]{2}){5}(?!-?\w))`,
    flags: 'i',
  }),
];
