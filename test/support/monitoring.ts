import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';

export const MONITORING_FOLDER = join(import.meta.dirname, '..', '..', 'examples', 'monitoring');
export const monitoringFile = (file: string) => readFileSync(join(MONITORING_FOLDER, file), 'utf8');

export type Rule = {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};
export type Alert = Rule & {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

type Groups = { readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[] };

/** The rules of alerts.yaml. */
export const rules: readonly Rule[] = (parseYaml(monitoringFile('alerts.yaml')) as Groups).groups.flatMap(
  (group) => group.rules,
);
export const alerts = rules.filter((rule): rule is Alert => rule.alert !== undefined);

export type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: unknown;
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: unknown;
  }[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit: string };
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
  };
};

type Dashboard = {
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr?: string }[] };
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
};

/** dashboard.json. */
export const dashboard = JSON.parse(monitoringFile('dashboard.json')) as Dashboard;

/** A query of the dashboard with its variables in place, as Grafana sends it. */
export function asSent(
  expr: string,
  values: Readonly<Record<'job' | 'instance' | 'backend', string>>,
): string {
  return expr
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h')
    .replaceAll(/\$(job|instance|backend)\b/g, (_, name: keyof typeof values) => values[name]);
}
