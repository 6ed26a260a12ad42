/** Keeps a page live that is whole without it. */
(() => {
  const MAX_ROWS = 200;
  const MAX_TITLE = 300;
  const RETRY_MS = 3000;
  /** The sentence that is read aloud of decisions now and then, not of each. */
  const SAY_MS = 10_000;

  /** @param {string} id */
  const byId = (id) => document.getElementById(id);
  const live = byId('live');
  const rows = byId('rows');
  const pause = byId('pause');
  const said = byId('said');
  const { events = '', started = '' } = document.body.dataset;

  /** @type {EventSource | undefined} */
  let stream;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;
  let isPaused = false;
  let startedAt = started;
  const address = new URL(events, location.href);

  // --- Names and numbers, as the server writes them

  /** @param {number} at */
  const clock = (at) => new Date(at).toISOString().slice(11, 19);
  /** One of an older day with its day. @param {number} at */
  const clockOrDay = (at) => {
    const text = new Date(at).toISOString();
    const isToday = text.slice(0, 10) === new Date().toISOString().slice(0, 10);
    return isToday ? clock(at) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
  };
  /** @param {number} at */
  const exact = (at) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  /** @param {number} count */
  const number = (count) => count.toLocaleString('en-US');
  /** @param {number} ms */
  const milliseconds = (ms) => {
    if (ms < 0.1) return `${Math.round(ms * 1000)} µs`;
    if (ms < 10) return `${ms.toFixed(1)} ms`;
    return ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
  };
  /** @param {string} text */
  const visible = (text) =>
    text.replace(
      /[\p{C}\p{Zl}\p{Zp}]/gu,
      (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
    );

  /**
   * @param {string} tag
   * @param {string | Node | undefined} content
   * @param {Record<string, string>} [attributes]
   */
  function element(tag, content, attributes = {}) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (content !== undefined) made.append(content);
    return made;
  }

  /**
   * @param {string} text
   * @param {number} max
   */
  function cut(text, max) {
    const characters = [...text.slice(0, 2 * max + 2)];
    return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`;
  }

  /**
   * @param {string | null} text
   * @param {number} max
   */
  function name(text, max) {
    if (text === null) return undefined;
    const whole = visible(text);
    const short = cut(whole, max);
    return element('bdi', short, short === text ? {} : { title: cut(whole, MAX_TITLE) });
  }

  // --- Decisions

  /** @typedef {{ at: number, ref: string | null, litellm_call_id: string | null, input_type: string, model: string | null, team: string | null, key: string | null, verdict: string, category: string | null, by: string | null, ms: number, rules: string[], bypassed: string[], observed: string[], isRound?: true, isUpdate?: true }} Decision */

  /** @type {Record<string, string>} */
  const WORDS = {
    allow: 'allowed',
    block: 'BLOCKED',
    redact: 'redacted',
    remove: 'removed',
    defer: 'deferred',
    cancelled: 'given up',
  };

  /** @param {Decision} decision */
  const isPlain = ({ verdict, bypassed, observed }) =>
    verdict === 'allow' && bypassed.length === 0 && observed.length === 0;

  /**
   * @param {Decision} decision
   * @param {Node} content
   */
  function linked({ ref, litellm_call_id: id }, content) {
    const word = ref ?? id;
    return word === null
      ? content
      : element('a', content, { href: `/ui/call?word=${encodeURIComponent(word.toWellFormed())}` });
  }

  /** @param {Decision} decision */
  function why({ by, rules, category, bypassed, observed, input_type, verdict }) {
    const did = bypassed.length > 0 ? `${WORDS[verdict]} by ` : '';
    const decided = by === null ? (category ?? '') : `${did}${[...by.split(','), ...rules].join(' · ')}`;
    const watching =
      by === null && rules.length > 0 ? [...observed, ...rules].join(' · ') : observed.join('; ');
    const without = bypassed.length === 0 ? '' : `without ${bypassed.join(', ')}`;
    const text = visible([decided, without, watching].filter((part) => part !== '').join('; '));
    const told = document.createDocumentFragment();
    if (input_type === 'response') told.append(element('small', 'response', { class: 'side' }), ' ');
    if (text !== '') told.append(element('span', text, { title: text }));
    return told;
  }

  /** @param {Decision} decision */
  function rowOf(decision) {
    const { at, verdict, bypassed, team, key, model, ms } = decision;
    const isBypassed = bypassed.length > 0;
    const row = element('tr', undefined, {
      class: isBypassed ? 'bypassed' : verdict,
      'data-count': '1',
      'data-since': String(at),
      ...(decision.isRound && verdict !== 'block' ? { 'data-round': decision.litellm_call_id ?? '' } : {}),
    });
    const sign = element('span', '!', { 'aria-hidden': 'true' });
    const time = element('time', clockOrDay(at), { datetime: new Date(at).toISOString(), title: exact(at) });
    const word = isBypassed ? element('span', sign, { class: 'bad' }) : WORDS[verdict];
    if (word instanceof Node) word.append(' bypassed');
    const ref = decision.ref ?? decision.litellm_call_id;
    const code = ref === null ? undefined : linked(decision, element('code', name(ref, 16)));
    row.append(
      element('td', linked(decision, time)),
      element('td', word, { class: 'verdict' }),
      element('td', why(decision), { class: 'why' }),
      element('td', name(team, 20), { class: 'fourth' }),
      element('td', name(key, 20), { class: 'first' }),
      element('td', name(model, 20), { class: 'second' }),
      element('td', milliseconds(ms), { class: 'number third' }),
      element('td', code, { class: 'third ref' }),
    );
    return row;
  }

  /**
   * Makes one row of a run of plain decisions: the newest, with their number.
   *
   * @param {Element} row of the newest
   * @param {HTMLElement} before the row of those before it
   */
  function fold(row, before) {
    const count = Number(before.dataset.count) + 1;
    const since = before.dataset.since ?? '';
    row.setAttribute('data-count', String(count));
    row.setAttribute('data-since', since);
    row.removeAttribute('data-round');
    const [first, second, third, team, ...rest] = row.children;
    const from = exact(Number(since));
    const to = first?.querySelector('time')?.title ?? '';
    second?.append(' ', element('span', `(${number(count)})`, { title: `from ${from} to ${to}` }));
    third?.replaceChildren();
    if (team !== undefined && team.textContent !== before.children[3]?.textContent)
      team.replaceChildren(element('span', 'several', { class: 'none' }));
    for (const cell of rest) cell.replaceChildren();
    before.replaceWith(row);
  }

  /** A round of a streamed response takes the place of the one before. @param {string} id */
  function forgetRound(id) {
    for (const row of rows?.children ?? [])
      if (row instanceof HTMLElement && row.dataset.round === id && row.dataset.count === '1') row.remove();
  }

  /** More came to be known of a decision: it is left out where it stands, or of the run that it is in. @param {Decision} decision */
  function forgetKnown({ at, ref, litellm_call_id: id }) {
    const href = `/ui/call?word=${encodeURIComponent((ref ?? id ?? '').toWellFormed())}`;
    for (const row of rows?.children ?? []) {
      if (!(row instanceof HTMLElement)) continue;
      const [count, since] = [Number(row.dataset.count), Number(row.dataset.since)];
      if (count === 1 && since === at && row.querySelector('a')?.getAttribute('href') === href) {
        row.remove();
        return;
      }
      const newest = Date.parse(row.querySelector('time')?.dateTime ?? '');
      if (count === 1 || at < since || at > newest) continue;
      row.dataset.count = String(count - 1);
      const told = row.querySelector('.verdict span');
      if (told !== null) told.textContent = `(${number(count - 1)})`;
      return;
    }
  }

  let unsaid = { all: 0, blocked: 0, bypassed: 0 };

  function shorten() {
    while (rows !== null && rows.childElementCount > MAX_ROWS) rows.lastElementChild?.remove();
  }

  /** @param {readonly Decision[]} decisions the oldest first */
  function show(decisions) {
    if (rows === null) return;
    byId('no-rows')?.remove();
    for (const decision of decisions) {
      if (decision.isRound && decision.litellm_call_id !== null) forgetRound(decision.litellm_call_id);
      if (decision.isUpdate && !decision.isRound) forgetKnown(decision);
      else unsaid.all++;
      if (decision.verdict === 'block') unsaid.blocked++;
      if (decision.bypassed.length > 0) unsaid.bypassed++;
      const row = rowOf(decision);
      const newest = rows.firstElementChild;
      if (isPlain(decision)) row.dataset.plain = '';
      if (isPlain(decision) && newest instanceof HTMLElement && newest.dataset.plain === '')
        fold(row, newest);
      else rows.prepend(row);
    }
    shorten();
  }

  function say() {
    const { all, blocked, bypassed } = unsaid;
    if (said === null || all === 0 || isPaused) return;
    unsaid = { all: 0, blocked: 0, bypassed: 0 };
    said.textContent = `${number(all)} new, ${number(blocked)} blocked, ${number(bypassed)} bypassed.`;
  }

  // --- The stream

  /**
   * @param {string} text
   * @param {boolean} isCut
   */
  function tell(text, isCut) {
    if (live === null) return;
    live.classList.toggle('cut', isCut);
    if (live.textContent !== text) live.textContent = text;
  }

  function close() {
    clearTimeout(retry);
    stream?.close();
    stream = undefined;
  }

  function open() {
    close();
    const source = new EventSource(address);
    stream = source;
    source.addEventListener('open', () => tell('● live', false));
    source.addEventListener('decisions', (event) => {
      address.searchParams.set('after', event.lastEventId);
      show(JSON.parse(event.data));
    });
    source.addEventListener('missed', (event) => {
      const { missed } = JSON.parse(event.data);
      const cell = element('td', `${number(missed)} more in between are not shown`, {
        colspan: '8',
        class: 'none',
      });
      rows?.prepend(element('tr', cell));
      shorten();
    });
    source.addEventListener('picture', (event) => picture(JSON.parse(event.data)));
    source.addEventListener('error', () => {
      if (!(live?.textContent ?? '').startsWith('○')) tell(`○ not live since ${clock(Date.now())}`, true);
      // One that was refused does not come back by itself
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(retry);
      retry = setTimeout(open, RETRY_MS);
    });
  }

  /** @param {{ startedAt?: number, parts: Record<string, string>, minutes?: Minute[] }} data */
  function picture({ startedAt: begin, parts, minutes }) {
    for (const [id, text] of Object.entries(parts)) {
      const part = byId(id);
      // Written and escaped by the server, as in the page itself
      if (part !== null) part.innerHTML = text;
    }
    if (minutes !== undefined) draw(minutes);
    if (begin === undefined || String(begin) === startedAt) return;
    const isAnew = startedAt !== '';
    startedAt = String(begin);
    if (!isAnew || rows === null) return;
    // Another start counts decisions from the beginning
    rows.replaceChildren();
    address.searchParams.set('after', '0');
    open();
  }

  pause?.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.setAttribute('aria-pressed', String(isPaused));
    pause.textContent = isPaused ? 'Go on' : 'Pause';
    if (isPaused) {
      close();
      tell(`‖ paused at ${clock(Date.now())}`, false);
    } else open();
  });
  document.addEventListener('visibilitychange', () => {
    if (isPaused) return;
    if (document.hidden) close();
    else open();
  });
  // A page that is shown again out of the browser's memory
  addEventListener('pageshow', (event) => {
    if (event.persisted && !isPaused) open();
  });

  // --- Charts: drawn by uPlot if it is there; the table beside them has the numbers

  /** A minute: when it began, allowed, redacted, blocked, bypassed, undecided, p50 and p99 in milliseconds. @typedef {(number | null)[]} Minute */

  /** @type {Minute[]} */
  let known = JSON.parse(byId('strip')?.dataset.minutes ?? '[]');

  /** @param {string} word */
  const colour = (word) => getComputedStyle(document.documentElement).getPropertyValue(`--${word}`).trim();
  /** @type {{ update: (minutes: Minute[]) => void, redraw: () => void }[]} */
  const charts = [];

  /**
   * @param {string} id
   * @param {() => { data: (minutes: Minute[]) => (number | null)[][], options: object }} describe
   */
  function chart(id, describe) {
    const place = byId(id);
    if (place === null || typeof uPlot === 'undefined') return;
    const { data, options } = describe();
    const size = () => ({ width: place.clientWidth, height: place.clientHeight });
    const plot = new uPlot(
      /** @type {uPlot.Options} */ ({
        ...size(),
        padding: [8, 20, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
        tzDate: (/** @type {number} */ seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
        ...options,
      }),
      undefined,
      place,
    );
    new ResizeObserver(() => plot.setSize(size())).observe(place);
    charts.push({
      update: (minutes) => plot.setData(/** @type {uPlot.AlignedData} */ (data(minutes))),
      redraw: () => plot.redraw(false, true),
    });
  }

  /** @param {Minute[]} minutes */
  const times = (minutes) => minutes.map(([at]) => Number(at) / 1000);
  /** The hour up to the end of the minute that runs, however many of its minutes are known. */
  const HOUR = (/** @type {unknown} */ _, /** @type {number} */ __, /** @type {number} */ max) => [
    max - 3540,
    max + 60,
  ];
  const font = '12px system-ui, sans-serif';
  const axis = { font, stroke: () => colour('quiet'), ticks: { show: false }, grid: { show: false } };
  const line = () => ({ stroke: () => colour('line'), width: 1 });
  const axisOfTime = {
    ...axis,
    size: 24,
    gap: 4,
    space: 56,
    values: (/** @type {unknown} */ _, /** @type {number[]} */ all) =>
      all.map((at) => clock(at * 1000).slice(0, 5)),
  };

  /** The largest sum of some columns in a minute. @param {number[]} columns */
  const largest = (columns) =>
    known.reduce(
      (max, row) =>
        Math.max(
          max,
          columns.reduce((sum, column) => sum + Number(row[column] ?? 0), 0),
        ),
      0,
    );
  /** Calls are counted in whole numbers. */
  const WHOLE = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].flatMap((one) => [one, 2 * one, 5 * one]);

  chart('strip', () => {
    /** A few among many are seen too. @param {number} count @param {number} max */
    const seen = (count, max) => (count > 0 ? Math.max(count, max / 40) : 0);
    const bars = (/** @type {string} */ word) => ({
      ...{ scale: 'calls', fill: () => colour(word), width: 0, points: { show: false } },
      paths: uPlot.paths.bars?.({ size: [0.8, 16], align: 1 }),
    });
    return {
      data(minutes) {
        const all = largest([1, 2, 3]) + largest([4, 5]);
        // None is no bar: one without height would be a line in its colour
        const judged = minutes.map((row) => row[1] || null);
        const redacted = minutes.map((row, i) => (row[2] ? Number(judged[i]) + seen(row[2], all) : null));
        const blocked = minutes.map((row, i) =>
          row[3] ? Number(redacted[i] ?? judged[i]) + seen(row[3], all) : null,
        );
        const bypassed = minutes.map((row) => (row[4] ? -seen(row[4], all) : null));
        const undecided = minutes.map((row, i) => (row[5] ? Number(bypassed[i]) - seen(row[5], all) : null));
        return [times(minutes), blocked, redacted, judged, undecided, bypassed];
      },
      options: {
        scales: {
          x: { range: HOUR },
          // One scale for what was judged, above, and what was not, below: equal heights are equal numbers
          calls: {
            range: () => {
              const [up, down] = [largest([1, 2, 3]), largest([4, 5])];
              return [down * -1.1, (up === 0 && down === 0 ? 1 : up) * 1.1];
            },
          },
        },
        axes: [
          axisOfTime,
          {
            ...{ ...axis, scale: 'calls', size: 48, gap: 4, space: 24, incrs: WHOLE },
            ...{
              grid: line(),
              filter: (/** @type {unknown} */ _, /** @type {number[]} */ all) =>
                all.map((at) => (at % 1 === 0 ? at : null)),
            },
            values: (/** @type {unknown} */ _, /** @type {(number | null)[]} */ all) =>
              all.map((at) => (at === null ? '' : number(Math.abs(at)))),
          },
        ],
        series: [{}, bars('blocked'), bars('redacted'), bars('allowed'), bars('undecided'), bars('bypassed')],
        hooks: { setCursor: [(/** @type {uPlot} */ plot) => pointAt(plot.cursor.idx)] },
      },
    };
  });

  /** Minutes without a neighbour, which a line does not show. @param {uPlot} plot @param {number} series */
  const alone = ({ data }, series) => {
    const values = /** @type {(number | null | undefined)[]} */ (data[series] ?? []);
    return [...values.keys()].filter(
      (i) => values[i] != null && values[i - 1] == null && values[i + 1] == null,
    );
  };

  chart('latency', () => ({
    data: (minutes) => [
      times(minutes),
      minutes.map((row) => row[7] ?? null),
      minutes.map((row) => row[6] ?? null),
    ],
    options: {
      scales: { x: { range: HOUR }, ms: { distr: 3 } },
      axes: [
        axisOfTime,
        {
          ...{ ...axis, scale: 'ms', size: 48, gap: 4, grid: line() },
          // A line for each power of ten
          splits: (
            /** @type {unknown} */ _,
            /** @type {unknown} */ __,
            /** @type {number} */ min,
            /** @type {number} */ max,
          ) =>
            [0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000].filter(
              (at) => at >= min * 0.999 && at <= max * 1.001,
            ),
          filter: (/** @type {unknown} */ _, /** @type {number[]} */ all) => all,
          values: (/** @type {unknown} */ _, /** @type {number[]} */ all) =>
            all.map((at) =>
              at < 1 ? `${Math.round(at * 1000)} µs` : at < 1000 ? `${at} ms` : `${at / 1000} s`,
            ),
        },
      ],
      series: ['', 'p99', 'p50'].map((word) =>
        word === ''
          ? {}
          : { scale: 'ms', stroke: () => colour(word), width: 1.5, points: { size: 4, filter: alone } },
      ),
    },
  }));

  /** Tells the minute under the pointer in words. @param {number | null | undefined} index */
  function pointAt(index) {
    const place = byId('strip-at');
    const row =
      index === null || index === undefined || known[index]?.length === 1 ? undefined : known[index];
    if (place === null) return;
    const words = ['allowed', 'redacted', 'blocked', 'bypassed', 'undecided'];
    place.textContent =
      row === undefined
        ? ''
        : `${clock(Number(row[0])).slice(0, 5)}: ${words.map((word, i) => `${word} ${number(Number(row[i + 1]))}`).join(', ')}`;
  }

  /** Draws a whole hour: minutes before the start of the bridge are empty. @param {Minute[]} minutes */
  function draw(minutes) {
    const last = Number(minutes.at(-1)?.[0] ?? Date.now());
    const before = Array.from({ length: 60 - minutes.length }, (_, i) => [last - (59 - i) * 60_000]);
    known = [...before, ...minutes];
    for (const { update } of charts) update(known);
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const { redraw } of charts) redraw();
  });

  pause?.removeAttribute('hidden');
  setInterval(say, SAY_MS);
  draw(known);
  if (!document.hidden) open();
})();
