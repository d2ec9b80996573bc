// Runs notebooks in one JupyterLab with a headless browser and prints, as one JSON object, what happened in each.
// Arguments: the browser's program, the address of the server, its token, a folder for pictures ("" for none), notebooks.
import { chromium } from "playwright-core";

const [program, server, token, pictures, ...notebooks] = process.argv.slice(2);
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: program, args: flags });
const result = { requests: [], notebooks: {} };
const WAIT = { timeout: 240000 }; // on a machine under load

async function runAll(page, name) {
  await page.goto(`${server}/lab/tree/notebooks/${name}.ipynb?token=${token}&reset`);
  await page.waitForSelector(".jp-Notebook .jp-Cell", WAIT);
  await page.waitForFunction(() => document.querySelector("#jp-main-statusbar")?.innerText.includes("| Idle"), null, WAIT);
  await page.locator('.lm-MenuBar-item:has-text("Run")').first().click();
  await page.locator('.lm-Menu-item:has-text("Run All Cells")').first().click();
  await page.waitForTimeout(500);
  const done = () => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputArea-prompt")].map((p) => p.textContent);
    return prompts.length > 2 && prompts.every((p) => /\[\d+\]/.test(p));
  };
  await page.waitForFunction(done, null, WAIT);
}

const visible = (page, css) => page.locator(css).count();

async function look(page, picture) {
  const seen = { errors: await page.locator('[data-mime-type="application/vnd.jupyter.error"]').allInnerTexts(),
    plots: await visible(page, ".js-plotly-plot"), views: await visible(page, ".readybook") };
  const pane = page.locator(".jp-NotebookPanel-notebook .jp-WindowedPanel-outer, .jp-NotebookPanel-notebook").last();
  for (let n = 0; picture && n < 12; n += 1) {
    await pane.evaluate((box, top) => { box.scrollTop = top; }, n * 850);
    await page.waitForTimeout(250);
    await picture(n);
    if (await pane.evaluate((box) => box.scrollTop + box.clientHeight >= box.scrollHeight - 2)) break;
  }
  return seen;
}

async function tick(page) {
  const part = page.locator(".readybook-part", { has: page.locator(".readybook-boxes") });
  const score = part.locator(".tiles .figure").first();
  const before = await score.innerText();
  await part.locator("input[type=checkbox]").first().focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(([old]) => document.querySelector(".readybook-part:has(.readybook-boxes) .tiles .figure")
    ?.innerText !== old, [before], WAIT);
  return { before, after: await score.innerText(), ticked: await part.locator("input[type=checkbox]:checked").count() };
}

async function choose(page) {
  const part = page.locator(".readybook-part", { has: page.locator(".readybook-list") });
  const list = part.locator(".readybook-list select");
  const first = await part.locator(".finding").first().innerText();
  await list.focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(([old]) => document.querySelector(".readybook-part .finding")?.innerText !== old, [first], WAIT);
  const second = await part.locator(".finding").first().innerText();
  return { first, second, code: await part.locator(".context .hit").count() };
}

// Labels of fixes in a narrow window: those that run out of their row, to the side or into the next one.
async function crowded(page) {
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 1000, height: wide.height });
  await page.waitForTimeout(500);
  const labels = await page.$$eval(".readybook-boxes .widget-checkbox", (rows) => rows.filter((row) => {
    const range = document.createRange();
    range.selectNodeContents(row);
    const [text, own, list] = [range, row, row.parentElement].map((each) => each.getBoundingClientRect());
    return text.right > list.right + 1 || text.bottom > own.bottom + 1;
  }).map((row) => row.textContent));
  await page.setViewportSize(wide);
  return labels;
}

try {
  for (const scheme of pictures ? ["light", "dark"] : ["light"]) {
    const context = await browser.newContext({ viewport: { width: 1400, height: 1000 } });
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT.timeout);
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(server) && !/^(data|blob|ws:\/\/127)/.test(url)) result.requests.push(url);
    });
    if (scheme === "dark") {
      await page.goto(`${server}/lab?token=${token}&reset`);
      await page.waitForSelector(".lm-MenuBar-item", WAIT);
      await page.locator('.lm-MenuBar-item:has-text("Settings")').first().click();
      await page.locator('.lm-Menu-item:has-text("Theme")').first().hover();
      await page.locator('.lm-Menu-item:has-text("JupyterLab Dark")').first().click();
      await page.waitForTimeout(1500);
    }
    for (const name of notebooks) {
      await runAll(page, name);
      const own = {};
      if (name === "00_explore") {
        own.tick = await tick(page);
        own.choose = await choose(page);
        own.crowded = await crowded(page);
      }
      const shot = pictures ? (n) => page.screenshot({ path: `${pictures}/${name}-${scheme}-${n}.png` }) : null;
      result.notebooks[name] = { ...own, ...(await look(page, shot)) };
    }
    await context.close();
  }
} catch (error) {
  for (const context of browser.contexts()) for (const page of context.pages())
    if (pictures) await page.screenshot({ path: `${pictures}/failed.png` });
  throw error;
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
