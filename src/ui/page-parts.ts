import { type FromSource, orUnknown, unknownMarkup } from './known.ts';
import { html, type Markup } from './markup.ts';
import type { Picture } from './page-source.ts';
import { backendsMarkup } from './views/backends.ts';
import { latencyMarkup, minuteRows, minutesMarkup, totalsMarkup } from './views/hour.ts';
import { policiesInForce } from './views/policies.ts';
import { backlogMarkup, recordsMarkup } from './views/records.ts';
import { figuresMarkup, findingsMarkup, sentenceMarkup } from './views/state.ts';

/** Parts of pages that are made of the picture, by the id of the element that they fill. */
const PARTS: Readonly<Record<string, (picture: Picture) => Markup>> = {
  sentence: sentenceMarkup,
  figures: figuresMarkup,
  findings: findingsMarkup,
  totals: totalsMarkup,
  latencies: latencyMarkup,
  minutes: minutesMarkup,
  backends: backendsMarkup,
  records: recordsMarkup,
  backlog: backlogMarkup,
  policies: policiesInForce,
};
/** Where the sentence says already that nothing is known. */
const SILENT = new Set(['figures', 'findings']);

/** Writes parts once for all who look, and remembers which have changed since when. */
export class PageParts {
  readonly #parts = new Map<string, { readonly text: string; readonly version: number }>();
  #picture: Picture | undefined;
  #minutes = '';
  #minutesVersion = 0;
  /** The begin of the minute that runs. */
  #minute: number | undefined;
  /** Why new decisions are not known; undefined if they are. */
  decisionsProblem: string | undefined;
  /** Grows with each update. */
  version = 0;

  update(picture: FromSource<Picture>): void {
    this.version++;
    const minute = 'value' in picture ? picture.value.minutes.at(-1)?.at : undefined;
    for (const [id, show] of Object.entries(PARTS)) {
      // The greatest of all changes once a minute
      if (id === 'minutes' && minute !== undefined && minute === this.#minute) continue;
      const part = SILENT.has(id) && !('value' in picture) ? html`` : orUnknown(picture, show);
      this.#set(id, String(part));
    }
    this.#minute = minute;
    const problem = this.decisionsProblem;
    this.#set('decisions-state', problem === undefined ? '' : String(unknownMarkup(problem)));
    this.#picture = 'value' in picture ? picture.value : undefined;
    const minutes = JSON.stringify(minuteRows(this.#picture?.minutes ?? []));
    if (minutes !== this.#minutes) this.#minutesVersion = this.version;
    this.#minutes = minutes;
  }

  /** The event that tells what has changed after a version. */
  eventSince(version: number): string {
    const changed = [...this.#parts].filter(([, part]) => part.version > version);
    const data = JSON.stringify({
      at: this.#picture?.at,
      startedAt: this.#picture?.startedAt,
      parts: Object.fromEntries(changed.map(([id, { text }]) => [id, text])),
    });
    const minutes = this.#minutesVersion > version ? `,"minutes":${this.#minutes}` : '';
    return `event: picture\ndata: ${data.slice(0, -1)}${minutes}}\n\n`;
  }

  #set(id: string, text: string): void {
    if (this.#parts.get(id)?.text !== text) this.#parts.set(id, { text, version: this.version });
  }
}
