import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { OtlpStart } from './protocol.ts';

type ExporterOptions = NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>;

/** An exporter, and how its connections are closed. */
type Opened<Exporter> = { readonly exporter: Exporter; readonly cut: () => void };

/** The exporters of OpenTelemetry by an address; each asks the collector over connections of its own. */
export function exportersFor({ headers, timeoutMs: timeoutMillis, proxy, version }: OtlpStart) {
  const userAgent = `guardrail-bridge/${version}`;
  const proxyEnv = proxy && {
    ...(proxy.httpProxy !== undefined && { HTTP_PROXY: proxy.httpProxy }),
    ...(proxy.httpsProxy !== undefined && { HTTPS_PROXY: proxy.httpsProxy }),
    NO_PROXY: proxy.noProxy,
  };
  const opened = <Exporter>(
    url: string,
    Kind: new (options: ExporterOptions) => Exporter,
  ): Opened<Exporter> => {
    const Agent = url.startsWith('https:') ? HttpsAgent : HttpAgent;
    const agent = new Agent({ keepAlive: true, ...(proxyEnv && { proxyEnv }) });
    const options = { url, headers: { ...headers }, timeoutMillis, userAgent, httpAgentOptions: () => agent };
    return { exporter: new Kind(options), cut: () => agent.destroy() };
  };
  return {
    traces: (url: string) => opened(url, OTLPTraceExporter),
    metrics: (url: string) => opened(url, OTLPMetricExporter),
    logs: (url: string) => opened(url, OTLPLogExporter),
  };
}
