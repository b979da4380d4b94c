// A person who does not behave: back, reload, double click. Steps come as JSON on stdin.
//
// After each step the driver notes what is on the screen, and whether it fits on it.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { collectErrors, withBrowser } from './browser.mjs';
import { answer, fail, options, person } from './driver.mjs';

const record = { pages: [], responses: [], console: [], callbacks: [] };
const values = options({}, { record });

/** The client's end: every request to `{redirect_uri}` is noted. */
async function callbackServer() {
  const server = createServer((request, response) => {
    if (request.url.startsWith('/callback')) record.callbacks.push(request.url);
    // Every visit has to be seen here, also that of somebody who went back.
    response.setHeader('cache-control', 'no-store');
    response.end('You may close this page.');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return `http://127.0.0.1:${server.address().port}/callback`;
}

/** What each step does with the page; steps that load a page end when it is loaded. */
const STEPS = {
  open: (page, url) => page.goto(url),
  fill: (page, name, text) => page.locator(`[name="${name}"]`).fill(text),
  check: (page, value, on) => page.locator(`input[value="${value}"]`).setChecked(on),
  click: (page, value) => loading(page, () => button(page, value).click({ noWaitAfter: true })),
  doubleClick: (page, value) =>
    loading(page, () => button(page, value).dblclick({ noWaitAfter: true })),
  back: (page) => page.goBack(),
  forward: (page) => page.goForward(),
  reload: (page) => page.reload(),
  forgetCookies: (page) => page.context().clearCookies(),
  look: async (page, colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
  },
  redeem: (_page, endpoint, clientId, verifier) => redeem(endpoint, clientId, verifier),
  screenshot: async (page, name) => {
    mkdirSync(values.screenshots, { recursive: true });
    await page.screenshot({ path: join(values.screenshots, `${name}.png`), fullPage: true });
  },
};

/** The client fetches the tokens for the last code that came. */
async function redeem(endpoint, clientId, verifier) {
  const callback = new URL(record.callbacks.at(-1), redirectUri);
  const response = await fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code'),
      client_id: clientId,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  });
  if (!response.ok) throw new Error(`${endpoint}: ${response.status} ${await response.text()}`);
}

function button(page, value) {
  return page.locator(`button[name=action][value="${value}"]`);
}

async function loading(page, act) {
  await Promise.all([page.waitForEvent('load'), act()]);
}

/** Answers of documents only, with the headers that a test may want to see. */
function watch(page) {
  page.on('response', (response) => {
    const request = response.request();
    if (!request.isNavigationRequest()) return;
    record.responses.push({
      method: request.method(),
      url: response.url(),
      status: response.status(),
      headers: response.headers(),
    });
  });
  collectErrors(page, record.console);
}

/** What a person has before them now. */
async function seen(page) {
  const { width, background } = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
  }));
  return {
    url: page.url(),
    title: await page.title(),
    language: await page.locator('html').getAttribute('lang'),
    text: await page.locator('body').innerText(),
    fits: width <= page.viewportSize().width,
    background,
  };
}

let redirectUri;

async function main() {
  const steps = await json(process.stdin);
  redirectUri = await callbackServer();
  const substitute = (argument) =>
    typeof argument === 'string'
      ? argument.replaceAll('{redirect_uri}', encodeURIComponent(redirectUri))
      : argument;
  await withBrowser(person(values), async (page) => {
    watch(page);
    for (const [name, ...given] of steps) {
      if (STEPS[name] === undefined) throw new Error(`no such step: ${name}`);
      await STEPS[name](page, ...given.map(substitute));
      record.pages.push({ step: name, ...(await seen(page)) });
    }
  });
  answer(record);
  process.exit(0);
}

main().catch((error) => fail(error, record));
