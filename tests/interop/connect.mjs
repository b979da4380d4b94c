// The person again: opens the link of a tool, signs in, and connects an account in a real browser.

import { fileURLToPath } from 'node:url';
import { collectErrors, withBrowser } from './browser.mjs';
import { answer, fail, options, person } from './driver.mjs';

const MOST_PAGES = 6;

/**
 * Opens `url`, does what the pages ask for as `who`, chooses `account` where it is asked whose it is,
 * and returns `{pages, text, console}` at the page that asks for nothing any more.
 */
export async function connectAccount(url, who, account) {
  return withBrowser(who, async (page) => {
    const seen = { pages: [], text: '', console: [] };
    collectErrors(page, seen.console);
    await page.goto(url);
    while (seen.pages.length < MOST_PAGES) {
      seen.pages.push(await page.title());
      const field = (name) => page.locator(`input[name=${name}]`).first();
      if ((await field('username').count()) > 0) {
        await field('username').fill(who.username);
        await field('password').fill(who.password);
      }
      const choice = page.locator(`input[type=radio][value="${account}"]`);
      if ((await choice.count()) > 0) await choice.check();
      const next = ['sign-in', 'connect', 'approve'].map((value) =>
        page.locator(`button[name=action][value="${value}"]`),
      );
      const there = await Promise.all(next.map((button) => button.count()));
      const at = there.findIndex((count) => count > 0);
      if (at < 0) {
        seen.text = (await page.locator('main').innerText()).trim();
        return seen;
      }
      await Promise.all([page.waitForEvent('load'), next[at].click({ noWaitAfter: true })]);
    }
    throw new Error(`too many pages: ${seen.pages.join(' > ')}`);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const record = {};
  const values = options({ account: { type: 'string' } }, { positionals: true, record });
  connectAccount(values.rest[0], person(values), values.account).then(
    (seen) => {
      answer(seen);
      process.exit(0);
    },
    (error) => fail(error, record),
  );
}
