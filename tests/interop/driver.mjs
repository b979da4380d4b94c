// What every driver shares: its options, its one JSON answer, its deadline and its children.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** Options that name the person and how they behave on the sign-in page. */
const PERSON_OPTIONS = {
  username: { type: 'string' },
  password: { type: 'string' },
  provider: { type: 'string' },
  deny: { type: 'boolean' },
  'keep-scopes': { type: 'string' },
  screenshots: { type: 'string' },
  locale: { type: 'string' },
  profile: { type: 'string' },
};

/** Options of every MCP client driver. */
const CLIENT_OPTIONS = {
  url: { type: 'string' },
  state: { type: 'string' },
  call: { type: 'string', multiple: true },
  expire: { type: 'boolean' },
  scopes: { type: 'string' },
};

/**
 * Reads the command line and starts the deadline. `extra` are the options of one driver alone,
 * `record` is what it has to tell so far, should the deadline come first.
 */
export function options(extra = {}, { client = false, positionals = false, record } = {}) {
  const { values, positionals: rest } = parseArgs({
    allowPositionals: positionals,
    options: {
      ...PERSON_OPTIONS,
      ...(client ? CLIENT_OPTIONS : {}),
      timeout: { type: 'string', default: '120' },
      ...extra,
    },
  });
  const seconds = Number(values.timeout);
  const late = () => fail(new Error(`not finished after ${seconds} s`), record);
  setTimeout(late, seconds * 1000).unref();
  return { ...values, rest };
}

/** The person, from options, with the environment as the default (a desktop opener has no options). */
export function person(values, env = process.env) {
  const words = (text) => text.split(/[\s,]+/).filter(Boolean);
  const kept = values['keep-scopes'] ?? env.PERSON_KEEP_SCOPES;
  return {
    username: values.username ?? env.PERSON_USERNAME,
    password: values.password ?? env.PERSON_PASSWORD,
    provider: values.provider ?? env.PERSON_PROVIDER,
    deny: values.deny ?? env.PERSON_DENY === '1',
    keepScopes: kept === undefined ? undefined : words(kept),
    screenshotDir: values.screenshots ?? env.PERSON_SCREENSHOTS,
    locale: values.locale ?? env.PERSON_LOCALE,
    profileDir: values.profile ?? env.PERSON_PROFILE,
  };
}

/** The person at the `nth` sign-in of a client: what was unticked at first is not unticked again. */
export function personAt(nth, values) {
  const who = person(values);
  return nth === 1 ? who : { ...who, keepScopes: undefined };
}

/** `name` or `name={"json":"arguments"}`, as given to `--call`. */
export function parseCall(text) {
  const at = text.indexOf('=');
  return at < 0
    ? { name: text, arguments: {} }
    : { name: text.slice(0, at), arguments: JSON.parse(text.slice(at + 1)) };
}

/** A tool result in the form all drivers print. */
export function toolResult(tool, result) {
  return {
    tool,
    isError: result.isError === true,
    text: (result.content ?? []).filter((part) => part.type === 'text').map((part) => part.text),
    structured: result.structuredContent ?? null,
  };
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const children = new Set();

/** Starts a child that does not outlive this process. */
export function start(command, args, settings) {
  const child = spawn(command, args, settings);
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

const directories = new Set();

/** A directory that is gone when this process is. */
export function temporaryDirectory(name) {
  const directory = mkdtempSync(join(tmpdir(), `${name}-`));
  directories.add(directory);
  return directory;
}

process.once('exit', () => {
  children.forEach((child) => child.kill('SIGKILL'));
  directories.forEach((path) => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => process.exit(1));
}

/** Prints the answer of this driver: one JSON document. */
export function answer(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

/** Prints what went wrong as the answer, and ends this process with 1. */
export function fail(error, document = {}) {
  answer({ ...document, error: error.message ?? String(error) });
  console.error(error);
  process.exit(1);
}
