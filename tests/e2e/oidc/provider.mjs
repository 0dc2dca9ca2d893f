// A real OpenID provider for the tests, on a free port of this machine.
//
//   node provider.mjs '{"tls": {"key": "…", "cert": "…"}, "idTokenHasClaims": true}'
//
// Both are optional. It prints its issuer, and ends when its standard input does. That is another
// site than 127.0.0.1, as a provider mostly is. There is nobody to type: who logs in next is told
// by POST /person, the claims as JSON; {"refuses": true} stands for somebody who cancels.

import { generateKeyPairSync } from 'node:crypto';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';

import Provider from 'oidc-provider';

const options = JSON.parse(process.argv[2] ?? '{}');
const scheme = options.tls ? 'https' : 'http';
const server = options.tls ? createHttps(options.tls) : createHttp();
const people = new Map();
let next = { refuses: true };

const claims = {
  openid: ['sub'],
  profile: ['preferred_username'],
  email: ['email', 'email_verified'],
  groups: ['groups'],
};

function configure() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    clients: [
      {
        client_id: 'romm',
        client_secret: 'a secret with + and % in it',
        application_type: 'native', // so that a loopback address may have any port
        redirect_uris: [
          'http://127.0.0.1/api/oauth/openid',
          'http://127.0.0.1/romm/api/oauth/openid',
        ],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    claims,
    conformIdTokenClaims: !options.idTokenHasClaims,
    cookies: { keys: ['tests'] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true, logoutSource: (ctx, form) => { ctx.body = form; } },
    },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => people.get(sub) }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc;
      const known = session.grantIdFor(client.clientId);
      if (known) return provider.Grant.find(known);
      const grant = new provider.Grant({
        clientId: client.clientId,
        accountId: session.accountId,
      });
      grant.addOIDCScope(Object.keys(claims).join(' '));
      await grant.save();
      return grant;
    },
    pkce: { methods: ['S256'], required: () => true },
    ttl: {
      AccessToken: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600,
    },
  };
}

async function setPerson(request, response) {
  let text = '';
  for await (const piece of request) text += piece;
  next = JSON.parse(text);
  if (next.sub) people.set(next.sub, next);
  response.writeHead(204).end();
}

async function logIn(provider, request, response) {
  const { prompt } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login' && request.method === 'GET' && request.headers['sec-fetch-site']) {
    // A real browser: where it goes next must be the doing of a page of this site, as it mostly is.
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<form method="post" action="${request.url}"><button>Log in</button></form>`);
    return;
  }
  const agreed = prompt.name === 'consent' ? { consent: {} } : { login: { accountId: next.sub } };
  const result = next.refuses ? { error: 'access_denied' } : agreed;
  await provider.interactionFinished(request, response, result);
}

server.listen(0, '127.0.0.1', () => {
  const issuer = `${scheme}://localhost:${server.address().port}`;
  const provider = new Provider(issuer, configure());
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.method === 'POST' && request.url === '/person') setPerson(request, response);
    else if (request.url.startsWith('/interaction/')) logIn(provider, request, response);
    else answer(request, response);
  });
  process.stdout.write(`${issuer}\n`);
});

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
