import { isLoopback } from '../config/backend.ts';
import type { WiringContext } from './wiring.ts';

/** The address in a text; undefined if LiteLLM's HTTP client could not use it. */
export function addressIn(text: string): URL | undefined {
  const url = URL.parse(text.trim());
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}

/** True if an address is surely, or by its port, that of the bridge. */
export function isBridgeAt(url: URL, { bridge, settings }: WiringContext): boolean {
  const told = bridge === undefined ? undefined : addressIn(bridge);
  if (told !== undefined && isSame(url, told)) return true;
  return portOf(url) === (told === undefined ? settings.port : portOf(told));
}

/**
 * True if an address is surely not that of the bridge. From inside a container the bridge has another name than from outside: a
 * loopback address and one that is none cannot be compared.
 */
export function isElsewhere(url: URL, { bridge, settings }: WiringContext): boolean {
  const told = bridge === undefined ? undefined : addressIn(bridge);
  const atLoopback = isLoopback(url.hostname);
  if (told === undefined) return atLoopback && portOf(url) !== settings.port;
  return atLoopback === isLoopback(told.hostname) && !isSame(url, told);
}

function isSame(a: URL, b: URL): boolean {
  const sameHost = a.hostname === b.hostname || (isLoopback(a.hostname) && isLoopback(b.hostname));
  return sameHost && a.protocol === b.protocol && portOf(a) === portOf(b);
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
