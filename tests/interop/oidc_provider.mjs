// A foreign issuer: npm oidc-provider with resource indicators and RFC 9068 access tokens.
//
// The first line on stdout says where it is and who may use it; it runs until stdin closes.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Provider, errors } from 'oidc-provider';

// The library's advice belongs with everything else that is not the one line.
console.info = console.error;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    alg: { type: 'string', default: 'ES256' },
    format: { type: 'string', default: 'jwt' },
    scopes: { type: 'string', default: 'mcp.access whoami:read todo:read todo:write' },
    resource: { type: 'string', multiple: true },
    'redirect-uri': { type: 'string', default: 'http://127.0.0.1/callback' },
    ttl: { type: 'string', default: '300' },
  },
});

const KEYS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

/** One signing key of an algorithm, named after it. */
function signingKey(alg) {
  const { privateKey } = generateKeyPairSync(...KEYS[alg]);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg.toLowerCase() };
}

/** What this issuer says about a protected resource (RFC 8707). */
function resourceServer(_ctx, resource) {
  if (values.resource !== undefined && !values.resource.includes(resource)) {
    throw new errors.InvalidTarget();
  }
  return {
    scope: values.scopes,
    audience: resource,
    accessTokenTTL: Number(values.ttl),
    accessTokenFormat: values.format,
    jwt: { sign: { alg: values.alg } },
  };
}

/** A client that authenticates in this way, with a secret for this run. */
function client(client_id, token_endpoint_auth_method) {
  const client_secret = randomBytes(24).toString('base64url');
  return { client_id, client_secret, token_endpoint_auth_method };
}

const machine = client('machine', 'client_secret_post');
const web = client('web', 'client_secret_post');
const asking = client('resource-server', 'client_secret_basic');

function configuration() {
  return {
    jwks: { keys: Object.keys(KEYS).map(signingKey) },
    clients: [
      {
        ...machine,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        scope: values.scopes,
      },
      {
        ...web,
        // A native client may come back to any loopback port (RFC 8252 §7.3).
        application_type: 'native',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [values['redirect-uri']],
      },
      { ...asking, grant_types: [], response_types: [], redirect_uris: [] },
    ],
    scopes: ['openid', 'offline_access', ...values.scopes.split(' ')],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    cookies: { keys: [randomBytes(24).toString('base64url')] },
    enabledJWA: {
      idTokenSigningAlgValues: Object.keys(KEYS),
      requestObjectSigningAlgValues: Object.keys(KEYS),
    },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => values.resource?.[0],
        useGrantedResource: () => true,
        getResourceServerInfo: resourceServer,
      },
    },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: sub, email: `${sub}@example.com`, email_verified: true }),
    }),
    clientDefaults: { grant_types: ['authorization_code', 'refresh_token'] },
    ttl: { Interaction: 600, Session: 3600, Grant: 3600, RefreshToken: 3600, IdToken: 300 },
  };
}

// The issuer contains the port, so the port is taken first and the provider is put behind it.
const server = createServer().listen(Number(values.port), '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, configuration());
server.on('request', provider.callback());
provider.on('server_error', (_ctx, error) => console.error(error));

process.stdout.write(
  `${JSON.stringify({
    issuer,
    alg: values.alg,
    jwks_uri: `${issuer}/jwks`,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    userinfo_endpoint: `${issuer}/me`,
    machine,
    resource_server: asking,
    web: { ...web, redirect_uri: values['redirect-uri'] },
  })}\n`,
);

process.stdin.resume();
await once(process.stdin, 'close');
server.closeAllConnections();
server.close();
