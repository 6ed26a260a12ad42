import { type Attributes, type LogRecord, SeverityNumber } from '@opentelemetry/api';

/** pino's words, and the numbers that OpenTelemetry gives them. */
const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/** A line of the log as OpenTelemetry has it, and the call that it is about. */
export type LoggedLine = {
  readonly record: LogRecord;
  readonly callId: string | undefined;
  readonly inputType: string | undefined;
};

/** Reads a line of the log; undefined for one that is none. */
export function loggedLine(line: string): LoggedLine | undefined {
  let read: Record<string, unknown>;
  try {
    read = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { level, time, msg, ...fields } = read;
  const { litellm_call_id: callId, input_type: inputType } = fields;
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== null && value !== undefined) attributes[name] = value as string;
  }
  const severityText = String(level);
  return {
    record: {
      timestamp: typeof time === 'string' ? Date.parse(time) : Date.now(),
      severityNumber: SEVERITIES[severityText] ?? SeverityNumber.UNSPECIFIED,
      severityText,
      body: String(msg),
      attributes,
    },
    callId: typeof callId === 'string' ? callId : undefined,
    inputType: typeof inputType === 'string' ? inputType : undefined,
  };
}
