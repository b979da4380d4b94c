// The official conformance tool against an authorization server, with a person at its browser step.

import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signIn } from './browser.mjs';
import { answer, fail, freePort, options, person, start, temporaryDirectory } from './driver.mjs';

// The tool needs Node 22, which is what runs this file: see package.json.
const TOOL = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));

const record = { passed: 0, failed: 0, warnings: 0, skipped: 0, checks: [], signIn: null };
const values = options(
  {
    issuer: { type: 'string' },
    'client-id': { type: 'string' },
    'client-secret': { type: 'string' },
    resource: { type: 'string' },
    port: { type: 'string' },
  },
  { record },
);

/** Registers a public client for this redirect URI (RFC 7591), as a person would beforehand. */
async function register(redirectUri) {
  const metadata = await fetchJson(wellKnown(values.issuer));
  const client = await fetchJson(metadata.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Conformance tool',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    }),
  });
  return client.client_id;
}

/** The metadata URL of an issuer: the well-known part stands before its path (RFC 8414 §3.1). */
function wellKnown(issuer) {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
}

async function fetchJson(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** The checks that the tool wrote, one file for each scenario. */
function writtenChecks(directory) {
  return readdirSync(directory, { recursive: true })
    .filter((path) => path.endsWith('checks.json'))
    .flatMap((path) => JSON.parse(readFileSync(join(directory, path), 'utf8')))
    .map(({ id, status, errorMessage }) => ({ id, status, ...(errorMessage && { errorMessage }) }));
}

async function main() {
  const port = values.port ?? String(await freePort());
  const clientId = values['client-id'] ?? (await register(`http://127.0.0.1:${port}/callback`));
  const directory = temporaryDirectory('conformance');
  const given = { '--client-secret': values['client-secret'], '--resource': values.resource };
  const optional = Object.entries(given).filter(([, value]) => value !== undefined);
  const tool = start(
    process.execPath,
    [
      ...[TOOL, 'authorization', '--url', values.issuer, '--client-id', clientId],
      ...['--port', port, '--output-dir', directory, ...optional.flat()],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(tool, 'exit');

  // It names the address for the person to open, and says when its callback server is there.
  let address;
  let visit;
  createInterface({ input: tool.stdout }).on('line', (line) => {
    process.stderr.write(`${line}\n`);
    if (/^https?:\S+redirect_uri=/.test(line)) address = line;
    if (!line.startsWith('Callback server started')) return;
    visit = signIn(address, person(values)).then((signedIn) => (record.signIn = signedIn));
    visit.catch((error) => fail(error, record));
  });
  [record.exitCode] = await ended;
  await visit;

  record.checks = writtenChecks(directory);
  const count = (status) => record.checks.filter((check) => check.status === status).length;
  record.passed = count('SUCCESS');
  record.failed = count('FAILURE');
  record.warnings = count('WARNING');
  record.skipped = count('SKIPPED');
  answer(record);
  process.exit(0);
}

main().catch((error) => fail(error, record));
