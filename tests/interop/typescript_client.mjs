// The official TypeScript client SDK with its tokens in a directory, signing in through the browser.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { signIn } from './browser.mjs';
import { connectAccount } from './connect.mjs';
import { answer, fail, options, parseCall, person, personAt, toolResult } from './driver.mjs';

const record = {
  browserOpened: 0,
  registered: false,
  refreshed: false,
  signIns: [],
  requests: [],
  connected: [],
};
const values = options(
  {
    protocol: { type: 'string', default: 'legacy' },
    // The account that the person connects when a tool asks for it.
    connect: { type: 'string' },
    // Who opens the link, if it is somebody else than the person who called.
    'connect-as': { type: 'string' },
  },
  { client: true, record },
);
const url = new URL(values.url);

/** What the SDK wants remembered, one JSON file per thing. */
class DirectoryProvider {
  constructor(directory, redirectUrl) {
    mkdirSync(directory, { recursive: true });
    this.file = (name) => join(directory, `${name}.json`);
    this.redirectUrl = redirectUrl;
    this.landed = undefined;
  }

  get clientMetadata() {
    return {
      client_name: 'TypeScript client',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      ...(values.scopes === undefined ? {} : { scope: values.scopes }),
    };
  }

  read(name) {
    try {
      return JSON.parse(readFileSync(this.file(name), 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  write(name, value) {
    writeFileSync(this.file(name), JSON.stringify(value, null, 2), { mode: 0o600 });
  }

  state() {
    const state = crypto.randomUUID();
    this.write('state', state);
    return state;
  }

  clientInformation = () => this.read('client');
  saveClientInformation = (client) => this.write('client', client);
  tokens = () => this.read('tokens');
  saveTokens = (tokens) => this.write('tokens', tokens);
  codeVerifier = () => this.read('verifier');
  saveCodeVerifier = (verifier) => this.write('verifier', verifier);
  discoveryState = () => this.read('discovery');
  saveDiscoveryState = (state) => this.write('discovery', state);

  invalidateCredentials(scope) {
    const names = scope === 'all' ? ['client', 'tokens', 'verifier', 'discovery'] : [scope];
    for (const name of names) rmSync(this.file(name), { force: true });
  }

  /** Opens the browser and does not wait for it: the SDK gives control back to the caller here. */
  redirectToAuthorization(authorizationUrl) {
    record.browserOpened += 1;
    this.landed = signIn(authorizationUrl.href, personAt(record.browserOpened, values)).then((signedIn) => {
      record.signIns.push(signedIn);
      const callback = new URL(signedIn.finalUrl).searchParams;
      if (callback.get('state') !== this.read('state')) throw new Error('another state came back');
      return callback;
    });
    // Awaited in `authorized`; until then a failure must not end the process as unhandled.
    this.landed.catch(() => {});
  }
}

/** Notes each request and its outcome; what was refreshed or registered is read off here. */
async function recordingFetch(input, init) {
  const response = await fetch(input, init);
  const form = init?.body instanceof URLSearchParams ? Object.fromEntries(init.body) : {};
  const request = { method: init?.method ?? 'GET', url: String(input), status: response.status };
  for (const name of ['grant_type', 'scope', 'resource']) {
    if (form[name] !== undefined) request[name] = form[name];
  }
  record.requests.push(request);
  if (form.grant_type === 'refresh_token' && response.ok) record.refreshed = true;
  if (response.status === 201) record.registered = true;
  return response;
}

const provider = await startCallback();
const negotiation = ['auto', 'legacy'].includes(values.protocol)
  ? values.protocol
  : { pin: values.protocol };

/** A loopback redirect URI with a page behind it; the browser driver reads the URL itself. */
async function startCallback() {
  const server = createServer((_request, response) => response.end('You may close this page.'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return new DirectoryProvider(values.state, `http://127.0.0.1:${server.address().port}/callback`);
}

function newTransport() {
  return new StreamableHTTPClientTransport(url, { authProvider: provider, fetch: recordingFetch });
}

/** Runs `attempt` on `transport`, once more after each sign-in that it asked for. */
async function authorized(attempt, transport) {
  for (let signIns = 0; ; signIns += 1) {
    const using = transport ?? newTransport();
    try {
      return await attempt(using);
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || signIns === 2) throw error;
      await using.finishAuth(await provider.landed);
    }
  }
}

/** Opens the link of a tool, as the person who called or as somebody else. */
async function openLink(elicitation) {
  const [username, password] = values['connect-as']?.split(':') ?? [];
  const who = person(username === undefined ? values : { ...values, username, password });
  const seen = await connectAccount(elicitation.url, who, values.connect);
  record.connected.push({ ...elicitation, ...seen });
}

/** What the client can do for a server that asks its person to open a page. */
function elicitationOf(client) {
  let finished;
  const complete = new Promise((resolve) => {
    finished = resolve;
  });
  if (values.connect !== undefined) {
    // From 2026-07-28 on the SDK repeats the call by itself.
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      await openLink(params);
      return { action: 'accept' };
    });
    client.setNotificationHandler('notifications/elicitation/complete', ({ params }) =>
      finished(params.elicitationId),
    );
  }
  return complete;
}

/** Calls a tool; asked to open a page, the person does, and the call is repeated when it is done. */
async function callTool(client, transport, call, complete) {
  const attempt = () => authorized(() => client.callTool(call), transport);
  try {
    return toolResult(call.name, await attempt());
  } catch (error) {
    const asked = error.data?.elicitations?.[0];
    if (error.code !== -32042 || values.connect === undefined) {
      return { tool: call.name, error: error.message, code: error.code };
    }
    await openLink(asked);
    if (values['connect-as'] !== undefined) return { tool: call.name, error: error.message };
    record.completed = await complete;
    return toolResult(call.name, await attempt());
  }
}

async function main() {
  if (values.expire) {
    // The SDK keeps no clock: a token is expired when the server says so. No server knows this one.
    provider.write('tokens', { ...provider.tokens(), access_token: 'expired' });
  }
  const capabilities = values.connect === undefined ? {} : { elicitation: { form: {}, url: {} } };
  const [client, transport, complete] = await authorized(async (using) => {
    const connecting = new Client(
      { name: 'sumun-interop', version: '1.0.0' },
      { capabilities, versionNegotiation: { mode: negotiation } },
    );
    const completing = elicitationOf(connecting);
    await connecting.connect(using);
    return [connecting, using, completing];
  });
  record.protocolVersion = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
  const { tools } = await authorized(() => client.listTools(), transport);
  record.tools = tools.map((tool) => tool.name);
  record.results = [];
  for (const call of (values.call ?? []).map(parseCall)) {
    const result = await callTool(client, transport, call, complete).catch((error) => ({
      tool: call.name,
      error: error.message,
    }));
    record.results.push(result);
  }
  record.scope = provider.tokens()?.scope;
  await client.close();
  answer(record);
  process.exit(0);
}

main().catch((error) => fail(error, record));
