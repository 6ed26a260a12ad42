import { onTestFinished } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { type Collector, startCollector } from '../support/otlp-collector.ts';

/** Waits until something is there; a test that waits in vain ends by its own limit. */
export async function untilThere<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A collector that closes itself. */
export async function collector(tls?: { key: string; cert: string }): Promise<Collector> {
  const started = await startCollector(tls);
  onTestFinished(() => started.close());
  return started;
}

/** A bridge that exports to a collector. Closed, it has exported all that it had. */
export function tracedBridge(address: string, env: Record<string, string> = {}) {
  const bridge = testBridge({ OTEL_EXPORTER_OTLP_ENDPOINT: address, ...env });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= bridge.close();
    return closing;
  };
  onTestFinished(close);
  const messages = () => bridge.lines.map(({ msg }) => msg);
  return { ...bridge, close, messages };
}
