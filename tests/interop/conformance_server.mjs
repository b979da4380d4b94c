// The official conformance tool against a protected MCP server: it knows nothing of tokens, so each of its
// requests gets one on the way, and nothing else of it is changed.

import { once } from 'node:events';
import { createServer, request as open } from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, fail, options, start, temporaryDirectory } from './driver.mjs';

// The tool needs Node 22, which is what runs this file: see package.json.
const TOOL = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));

const record = { passed: 0, failed: 0, scenarios: {} };
const values = options(
  {
    url: { type: 'string' },
    token: { type: 'string' },
    requirements: { type: 'string' },
    scenario: { type: 'string' },
    'spec-version': { type: 'string' },
  },
  { record },
);

/** Passes every request on to the server, with the token. */
function withToken({ hostname, port }, token) {
  return createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const authorization = token ? { authorization: `Bearer ${token}` } : {};
    const passed = open(
      { hostname, port, method, path: url, headers: { ...headers, ...authorization } },
      (response) => {
        outgoing.writeHead(response.statusCode, response.headers);
        // The head of a stream has to arrive before its first event.
        outgoing.flushHeaders();
        response.pipe(outgoing);
        response.on('error', () => outgoing.destroy());
      },
    );
    passed.on('error', () => outgoing.destroy());
    // Who hangs up here has hung up there.
    outgoing.on('close', () => passed.destroy());
    incoming.pipe(passed);
  });
}

/** The checks that the tool wrote, by scenario: one directory for each. */
function writtenChecks(directory) {
  const scenarios = {};
  for (const path of readdirSync(directory, { recursive: true })) {
    if (!path.endsWith('checks.json')) continue;
    const scenario = path
      .split('/')
      .slice(0, -1)
      .join('/')
      .replace(/^server-/, '')
      .replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    const checks = JSON.parse(readFileSync(join(directory, path), 'utf8'));
    scenarios[scenario] = checks.map(({ id, status, errorMessage }) => ({
      id,
      status,
      ...(errorMessage && { errorMessage }),
    }));
  }
  return scenarios;
}

async function main() {
  const server = withToken(new URL(values.url), values.token);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(values.url);
  url.port = String(server.address().port);
  const directory = temporaryDirectory('conformance-server');
  const what = values.scenario
    ? ['--scenario', values.scenario, ...(values['spec-version'] ? ['--spec-version', values['spec-version']] : [])]
    : ['--requirements', values.requirements];
  const tool = start(
    process.execPath,
    [TOOL, 'server', '--url', url.href, ...what, '--output-dir', directory],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  tool.stdout.pipe(process.stderr);
  [record.exitCode] = await once(tool, 'exit');
  record.scenarios = writtenChecks(directory);
  const hasFailed = (checks) => checks.some((check) => check.status === 'FAILURE');
  const outcomes = Object.values(record.scenarios).map(hasFailed);
  record.failed = outcomes.filter(Boolean).length;
  record.passed = outcomes.length - record.failed;
  answer(record);
  process.exit(0);
}

main().catch((error) => fail(error, record));
