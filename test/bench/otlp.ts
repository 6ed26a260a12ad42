/** Measures what telling of calls by OTLP costs: the bridge with it beside the bridge without it. */
import { residentMb } from './processes.ts';
import { beside, bridge, KB, reference, target } from './stand.ts';

const OFF = { BUILTIN_POLICY: 'on', DECISIONS_DAYS: '0' };

export async function otlp(): Promise<void> {
  const collector = await reference(['reads'], { core: 1 });
  const on = { ...OFF, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}` };
  // Both cores: on one the thread takes what the verdicts do not
  for (const core of [undefined, 0] as const) {
    const off = await bridge(OFF, { core });
    const twin = await bridge(OFF, { core });
    const all = await bridge(on, { core });
    const where = core === undefined ? 'two cores' : 'one core';
    const work = { bytes: 4 * KB, concurrency: 32 };
    await beside(`control: off against off, ${where}`, off, twin, work);
    const { speed } = await beside(`OTLP, all calls, 4 KB, ${where}`, off, all, work);
    if (core === undefined) target('OTLP on >= 0.9 of off', speed.median, (ratio) => ratio >= 0.9);
    const perSecond = 1000;
    const paced = await beside(`OTLP, ${perSecond}/s, ${where}`, off, all, { ...work, perSecond });
    console.log(
      `resident: ${residentMb(off.pid).toFixed(0)} MB off, ${residentMb(all.pid).toFixed(0)} MB on; ` +
        `${paced.addedCpuUs.median.toFixed(1)} us of CPU a call, the thread included`,
    );
    for (const server of [off, twin, all]) await server.stop();
  }
  await collector.stop();
}
