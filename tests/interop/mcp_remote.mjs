// mcp-remote as a desktop host runs it: a stdio child that opens a browser to sign in.

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { signIn } from './browser.mjs';
import {
  answer,
  fail,
  options,
  parseCall,
  personAt,
  start,
  temporaryDirectory,
  toolResult,
} from './driver.mjs';

const PROXY = fileURLToPath(import.meta.resolve('mcp-remote/dist/proxy.js'));
const REVISION = '2025-11-25';

const record = { browserOpened: 0, registered: false, refreshed: false, signIns: [] };
const values = options(
  { protocol: { type: 'string', default: 'legacy' } },
  { client: true, record },
);

/** The file of this name that mcp-remote keeps for its one server, as JSON. */
function stored(name) {
  const directory = join(values.state, 'mcp-remote-v1');
  const found = existsSync(directory) ? readdirSync(directory) : [];
  const file = found.find((entry) => entry.endsWith(`_${name}.json`));
  if (file === undefined) return undefined;
  const path = join(directory, file);
  return { path, value: JSON.parse(readFileSync(path, 'utf8')) };
}

/** Moves the expiry that mcp-remote noted for its token into the past. */
function expireStoredToken() {
  const { path, value } = stored('tokens');
  writeFileSync(path, JSON.stringify({ ...value, expires_at: Date.now() - 1000 }));
}

/**
 * A directory with an `xdg-open` that hands its URL to this process, where the person is.
 * So the opener ends at once, as on a desktop, and the browser is ours to close.
 */
async function desktop() {
  const visits = [];
  const server = createServer(async (request, response) => {
    record.browserOpened += 1;
    const visit = signIn(await text(request), personAt(record.browserOpened, values));
    visits.push(visit.then((signedIn) => record.signIns.push(signedIn)));
    visit.catch((error) => fail(error, record));
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();

  const directory = temporaryDirectory('desktop');
  const opener = join(directory, 'xdg-open');
  const hand = `fetch("http://127.0.0.1:${server.address().port}",{method:"POST",body:process.argv[1]})`;
  writeFileSync(opener, `#!/bin/sh\nexec '${process.execPath}' -e '${hand}' "$1"\n`);
  chmodSync(opener, 0o755);
  return { directory, opener, finished: () => Promise.all(visits) };
}

/** JSON-RPC over the child's stdio, one message a line. */
class Stdio {
  constructor(child) {
    this.child = child;
    this.waiting = new Map();
    this.last = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line);
      this.waiting.get(message.id)?.(message);
    });
  }

  send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  async request(method, params) {
    const id = (this.last += 1);
    const reply = new Promise((resolve) => this.waiting.set(id, resolve));
    this.send({ id, method, params });
    const { result, error } = await reply;
    if (error !== undefined) throw new Error(`${error.code}: ${error.message}`);
    return result;
  }
}

async function main() {
  mkdirSync(values.state, { recursive: true });
  if (values.expire) expireStoredToken();
  const before = { client: stored('client_info'), tokens: stored('tokens') };
  const { directory, opener, finished } = await desktop();

  const metadata =
    values.scopes === undefined
      ? []
      : ['--static-oauth-client-metadata', JSON.stringify({ scope: values.scopes })];
  const flags = ['--transport', 'http-only', '--auth-timeout', '90', '--protocol', values.protocol];
  const child = start(process.execPath, [PROXY, values.url, ...flags, ...metadata], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: `${directory}:${process.env.PATH}`,
      HOME: values.state,
      BROWSER: opener,
      MCP_REMOTE_CONFIG_DIR: values.state,
    },
  });
  const ended = once(child, 'exit');
  let closing = false;
  ended.then(async ([code]) => {
    if (closing) return;
    await finished();
    fail(new Error(`mcp-remote ended with ${code}`), record);
  });

  const stdio = new Stdio(child);
  const hello = await stdio.request('initialize', {
    protocolVersion: REVISION,
    capabilities: {},
    clientInfo: { name: 'sumun-interop', version: '1.0.0' },
  });
  record.protocolVersion = hello.protocolVersion;
  stdio.send({ method: 'notifications/initialized' });
  record.tools = (await stdio.request('tools/list', {})).tools.map((tool) => tool.name);
  record.results = [];
  for (const call of (values.call ?? []).map(parseCall)) {
    const result = await stdio.request('tools/call', call).then(
      (outcome) => toolResult(call.name, outcome),
      (error) => ({ tool: call.name, error: error.message }),
    );
    record.results.push(result);
  }

  await finished();
  const tokens = stored('tokens')?.value;
  record.registered = stored('client_info')?.value.client_id !== before.client?.value.client_id;
  record.refreshed =
    record.browserOpened === 0 && tokens?.access_token !== before.tokens?.value.access_token;
  record.scope = tokens?.scope;
  closing = true;
  child.stdin.end();
  [record.exitCode] = await ended;
  answer(record);
  process.exit(0);
}

main().catch((error) => fail(error, record));
