// The person: signs in and consents in a real browser, then lands at the client's redirect URI.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { answer, fail, options, person, temporaryDirectory } from './driver.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PATIENCE_MS = 60_000;
/** Our page, and a sign-in page and a consent page of a foreign issuer, with room for one more. */
const MOST_PAGES = 4;

// Our page has the first of each; the others are those of the foreign issuer's own pages.
const USERNAME = 'input[name=username], input[name=login]';
const PASSWORD = 'input[name=password]';
const SCOPES = 'input[type=checkbox][name=scope]';
const APPROVE = 'button[name=action][value=approve], button[type=submit]:not([name=action])';
const DENY = 'button[name=action][value=deny], a[href$="/abort"]';
/** The accounts that an identity provider offers. */
const ACCOUNTS = 'input[type=radio][name=person]';

/** Runs `use(page)` in a fresh headless browser, which is gone afterwards. */
export async function withBrowser({ locale, profileDir }, use) {
  const directory = profileDir ?? temporaryDirectory('person');
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: CHROMIUM,
    args: ARGUMENTS,
    env: { ...process.env, TMPDIR: directory },
    locale: locale ?? 'en-US',
    viewport: { width: 1024, height: 900 },
  });
  context.setDefaultTimeout(PATIENCE_MS);
  try {
    return await use(context.pages()[0] ?? (await context.newPage()));
  } finally {
    await context.close();
  }
}

/**
 * Opens the authorization URL, answers what is asked, and returns
 * `{finalUrl, pages, scopes, submits, askedPassword, console}` once the browser has been to the
 * redirect URI.
 */
export async function signIn(url, who) {
  const redirectUri = new URL(url).searchParams.get('redirect_uri');
  if (redirectUri === null) throw new Error(`no redirect_uri in the authorization URL ${url}`);
  return withBrowser(who, async (page) => {
    const arrival = watchFor(page, redirectUri);
    const seen = { pages: [], scopes: [], submits: 0, askedPassword: false, console: [] };
    collectErrors(page, seen.console, (url) => !url.startsWith(redirectUri));
    // A redirect out of the web (cursor://…) aborts the navigation, which is not a failure here.
    let loaded = await Promise.race([page.goto(url).catch((error) => error), arrival]);
    while (typeof loaded !== 'string') {
      if (loaded instanceof Error) throw loaded;
      const { next } = await answerPage(page, who, seen);
      loaded = await Promise.race([arrival, next]);
    }
    return { finalUrl: loaded, ...seen };
  });
}

/**
 * Collects what the browser complains about, but for the icon that it asks for by itself and for
 * pages that are not of interest, such as the client's own.
 */
export function collectErrors(page, into, isOfInterest = () => true) {
  page.on('console', (message) => {
    const { url } = message.location();
    const isOurs = !url.endsWith('/favicon.ico') && isOfInterest(url) && isOfInterest(page.url());
    if (message.type() === 'error' && isOurs) into.push(message.text());
  });
}

/** Resolves with the URL at which the client was told the outcome, after the client has answered. */
function watchFor(page, redirectUri) {
  const isArrival = (url) => url === redirectUri || url.startsWith(`${redirectUri}?`);
  return new Promise((resolve, reject) => {
    page.on('response', (response) => {
      if (!response.request().isNavigationRequest()) return;
      if (isArrival(response.url())) resolve(response.url());
      // A private-use scheme is never fetched: the redirect itself is the arrival (RFC 8252 §7.1).
      const location = response.headers().location;
      if (location !== undefined && isArrival(location) && !location.startsWith('http')) {
        resolve(location);
      }
    });
    page.on('requestfailed', (request) => {
      if (isArrival(request.url())) {
        reject(new Error(`the client is not there: ${request.failure()?.errorText}`));
      }
    });
    // A browser that will not follow a form's redirect says so here, and then does nothing at all.
    page.on('console', (message) => {
      if (message.text().includes('form-action')) reject(new Error(message.text()));
    });
  });
}

/** Fills in what the page asks for, presses the button, and returns a promise of the next page. */
async function answerPage(page, who, seen) {
  const title = await page.title();
  seen.pages.push(title);
  const elsewhere = page.locator(`button[name=action][value="provider:${who.provider}"]`).first();
  const leaves = who.provider !== undefined && (await elsewhere.count()) > 0;
  const button = leaves ? elsewhere : page.locator(who.deny ? DENY : APPROVE).first();
  const asked = await button.count();
  if (asked === 0 || seen.pages.length > MOST_PAGES || (await isRefusal(page, seen))) {
    await picture(page, who, seen, 'stuck');
    const text = (await page.locator('body').innerText()).slice(0, 500);
    throw new Error(`stuck at ${page.url()} (${title}): ${text}\n${seen.console.join('\n')}`);
  }
  if (!leaves) await identify(page, who, seen);
  for (const box of await page.locator(SCOPES).all()) {
    const scope = await box.getAttribute('value');
    if (who.keepScopes !== undefined && !(await box.isDisabled())) {
      await box.setChecked(who.keepScopes.includes(scope));
    }
    seen.scopes.push({ scope, checked: await box.isChecked() });
  }
  await picture(page, who, seen, 'page');
  seen.submits += 1;
  // Listened for before the click, so that the next page cannot come unseen.
  const next = page.waitForEvent('domcontentloaded').catch((error) => error);
  await button.click({ noWaitAfter: true });
  return { next };
}

/** Says who it is: with name and password, or by choosing an account. */
async function identify(page, who, seen) {
  for (const [selector, value] of [[USERNAME, who.username], [PASSWORD, who.password]]) {
    const field = page.locator(selector).first();
    if ((await field.count()) > 0 && value !== undefined) await field.fill(value);
  }
  seen.askedPassword ||= (await page.locator(PASSWORD).count()) > 0;
  if (who.username !== undefined && (await page.locator(ACCOUNTS).count()) > 0) {
    await page.locator(`${ACCOUNTS}[value="${who.username}"]`).check();
  }
}

/** Whether a page that took a password asks for it again: it was refused. */
async function isRefusal(page, seen) {
  return seen.askedPassword && (await page.locator(PASSWORD).count()) > 0;
}

/** Keeps a picture of the page when a directory for them was given. */
async function picture(page, who, seen, kind) {
  if (who.screenshotDir === undefined) return;
  await mkdir(who.screenshotDir, { recursive: true });
  const name = `${who.locale ?? 'en-US'}-${seen.pages.length}-${kind}.png`;
  await page.screenshot({ path: join(who.screenshotDir, name), fullPage: true });
}

// As a command: `browser.mjs <authorization URL>`, also when called as `xdg-open` or $BROWSER.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const values = options({}, { positionals: true });
  signIn(values.rest[0], person(values)).then(answer, fail);
}
