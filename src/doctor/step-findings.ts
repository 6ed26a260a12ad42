import { scalarText } from '../guardrail/json.ts';
import { isTrue, type WiredGuardrail } from './wired-guardrails.ts';
import type { WiringReport } from './wiring.ts';

const PASSING = ['allow', 'next'];

/**
 * Finds steps of policy pipelines that go on when the bridge says no.
 *
 * @see LiteLLM 1.110.2 and 1.83.14, `PipelineStep` in types/proxy/policy_engine/pipeline_types.py: a pipeline that runs out of steps
 *   allows; `_execute_steps` in pipeline_executor.py: without `pass_data` a rewritten request is forgotten
 */
export function findSteps({ name: subject, runsBy }: WiredGuardrail, report: WiringReport): void {
  for (const { path, fields, mode } of runsBy.steps) {
    const onFail = scalarText(fields.on_fail)?.toLowerCase() ?? 'block';
    const onError = scalarText(fields.on_error)?.toLowerCase() ?? onFail;
    if (PASSING.includes(onFail)) {
      report.add('verdict_ignored', [...path, 'on_fail'], {
        ...{ subject, message: `on_fail: ${onFail}: calls go on that the bridge blocks` },
        ...{ advice: 'Write block or modify_response.', paste: 'on_fail: block' },
      });
    } else if (PASSING.includes(onError)) {
      report.add('fail_on_error_off', [...path, 'on_error'], {
        ...{
          subject,
          message: `on_error: ${onError}: calls go on unjudged when the bridge cannot be reached or refuses the key`,
        },
        ...{ advice: 'Write block.', paste: 'on_error: block' },
      });
    }
    if (mode !== 'pre_call' || isTrue(fields.pass_data)) continue;
    report.add('redaction_dropped', path, {
      ...{
        subject,
        message: 'no pass_data: LiteLLM sends requests on as they were before the bridge redacted them',
      },
      ...{ advice: 'Set it.', paste: 'pass_data: true' },
    });
  }
}
