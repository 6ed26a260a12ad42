/** A vendor that takes records: `node record-vendor.ts '{"delayMs":100,"errors":0.05,"status":500}'`. A GET tells {@link Counted}. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Habits = {
  /** Time until it replies. */
  readonly delayMs: number;
  /** Share of deliveries that get `status`. */
  readonly errors?: number;
  readonly status?: number;
  /** Deliveries that it works on at once; others wait. */
  readonly capacity?: number;
  /** Deliveries that it takes in a second; others get a 429 with Retry-After. */
  readonly perSecond?: number;
};

export type Counted = {
  taken: number;
  refused: number;
  /** Deliveries that were under way at once, at most since the last GET. */
  most: number;
};

/** Taken, and allowed if it was a check: by Akto, by Capsule. */
const TAKEN = JSON.stringify({
  ...{ success: true, message: 'taken', decision: 'allow' },
  data: {
    success: true,
    guardrailsResult: { Allowed: true, Modified: false, ModifiedPayload: '', Reason: '' },
  },
});
const {
  delayMs,
  errors = 0,
  status = 500,
  capacity = Infinity,
  perSecond = Infinity,
} = JSON.parse(process.argv[2] as string) as Habits;

const counted: Counted = { taken: 0, refused: 0, most: 0 };
let underWay = 0;
let working = 0;
const waiting: (() => void)[] = [];
let second = 0;
let thisSecond = 0;

function isOverRate(): boolean {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) thisSecond = 0;
  second = now;
  return ++thisSecond > perSecond;
}

function respond(response: ServerResponse, code: number, body: string, headers = {}): void {
  underWay--;
  if (code < 300) counted.taken++;
  else counted.refused++;
  response.writeHead(code, { ...headers, 'content-type': 'application/json' }).end(body);
}

function work(response: ServerResponse): void {
  working++;
  setTimeout(() => {
    working--;
    waiting.shift()?.();
    if (Math.random() < errors) respond(response, status, '{}');
    else respond(response, 200, TAKEN);
  }, delayMs);
}

function listen(incoming: IncomingMessage, response: ServerResponse): void {
  if (incoming.method === 'GET') {
    response.end(JSON.stringify(counted));
    counted.most = underWay;
    return;
  }
  counted.most = Math.max(counted.most, ++underWay);
  incoming.resume().on('end', () => {
    if (isOverRate()) respond(response, 429, '{}', { 'retry-after': '1' });
    else if (working < capacity) work(response);
    else waiting.push(() => work(response));
  });
}

const server = createServer({ keepAliveTimeout: 60_000 }, listen).listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'listening', port: (server.address() as AddressInfo).port }));
});
