// Opens one HTML file in a headless browser with the network off and prints, as one JSON object, what happened.
// Arguments: the browser's program, the file, a word to filter findings by, the anchor of a finding.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [program, file, word, anchor] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const page_url = pathToFileURL(file).href;
const browser = await chromium.launch({ executablePath: program, args: flags });
const result = { requests: [], errors: [], accessibility: {} };

async function open(options, hash = "") {
  const context = await browser.newContext({ offline: true, viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(120000); // on a machine under load
  page.on("request", (request) => { if (!request.url().startsWith(page_url)) result.requests.push(request.url()); });
  page.on("pageerror", (error) => result.errors.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") result.errors.push(message.text()); });
  page.on("dialog", (dialog) => { result.errors.push("dialog " + dialog.message()); dialog.dismiss(); });
  await page.goto(page_url + hash);
  await page.waitForSelector("html[data-rendered]", { state: "attached", timeout: 120000 });
  return page;
}

const violations = async (page) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")}`);
};

try {
  let page = await open({ colorScheme: "light" });
  result.charts = await page.locator("figure.chart").count();
  result.drawn = await page.evaluate(() => [...document.querySelectorAll("figure.chart")]
    .filter((chart) => chart.querySelector(".cartesianlayer .trace path, .cartesianlayer image")).length);
  result.pwned = await page.evaluate(() => document.documentElement.dataset.pwned ?? null);
  result.accessibility.light = await violations(page);
  const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const theme = page.locator("[data-theme-switch]");
  result.toggled = [await colour()];
  for (let n = 0; n < 2; n += 1) {
    await theme.focus();
    await page.keyboard.press("Enter");
    result.toggled.push(await colour());
  }
  const table = page.locator(".table:has([data-find]):visible").first();
  if (await table.count()) {
    const rows = await table.locator("tbody tr").count();
    await table.locator("[data-find]").fill(word);
    result.table = { rows, shown: await table.locator("tbody tr:visible").count() };
  }
  const columns = page.locator(".choice input[value=two]");
  if (await columns.count()) {
    await page.locator("details.patch summary").first().click();
    await columns.check();
    const seen = async (css) => page.locator(`details.patch[open] ${css}`).first().isVisible();
    result.columns = { one: await seen(".one"), two: await seen(".two") };
    result.accessibility.columns = await violations(page);
  }
  await page.context().close();

  page = await open({ colorScheme: "dark" });
  result.accessibility.dark = await violations(page);
  result.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const findings = page.locator(".findings");
  if (await findings.count()) {
    result.total = await page.locator(".findings .finding").count();
    await findings.locator("[data-find]").fill(word);
    result.shown = await page.locator(".findings .finding:visible").count();
    result.counted = await findings.locator("[data-count]").innerText();
  }
  const checks = page.locator("table", { hasText: "Outcome" }).first();
  if (await checks.count()) {
    const column = checks.locator("thead button").first();
    await column.focus();
    await page.keyboard.press("Enter");
    result.sorted = await checks.locator("tbody tr th").allInnerTexts();
    result.direction = await checks.locator("thead th").first().getAttribute("aria-sort");
  }
  await page.context().close();

  page = await open({}, "#" + anchor);
  const goal = page.locator(`[id="${anchor}"]`);
  result.linked = (await goal.count()) === 1 && (await goal.isVisible());
  const near = (id) => document.getElementById(id)?.getBoundingClientRect().top < innerHeight;
  result.in_view = await page.waitForFunction(near, anchor, { timeout: 60000 }).then(() => true, () => false);
  await page.context().close();

  page = await open({ viewport: { width: 390, height: 844 } });
  result.phone_width = await page.evaluate(() => document.documentElement.scrollWidth);
  result.phone_accessibility = await violations(page);
  await page.context().close();
} finally {
  await browser.close();
}
console.log(JSON.stringify(result));
