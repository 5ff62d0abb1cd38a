// Draws dashboards as a picture, without a Grafana:
//   node draw.mjs PROMETHEUS OUT.webp END MINUTES NAME[:ROWS]...
// END is in seconds since 1970. ROWS cuts a dashboard off below so many rows of its grid.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const [prometheus, out, end, minutes, ...names] = process.argv.slice(2);
const STEP = 15, to = Math.floor(end / STEP) * STEP, from = to - 60 * minutes;

async function ask(expression, instant) {
  const query = expression.replaceAll('$__rate_interval', '60s').replaceAll('$__range', `${60 * minutes}s`);
  const [path, time] = instant ? ['query', { time: to }] : ['query_range', { start: from, end: to, step: STEP }];
  const answer = await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams({ query, ...time })}`);
  const { status, error, data } = await answer.json();
  if (status !== 'success') throw new Error(`${query}: ${error}`);
  return data.result;
}

async function board(name) {
  const [file, rows = Infinity] = name.split(':');
  const dashboard = JSON.parse(readFileSync(join(import.meta.dirname, `../dashboards/${file}.json`), 'utf8'));
  const panels = dashboard.panels.filter((panel) => panel.gridPos.y < rows), answers = {};
  for (const { id, targets = [] } of panels) {
    answers[id] = await Promise.all(targets.map((target) => ask(target.expr, target.instant)));
  }
  const fired = await ask(dashboard.annotations.list[0].expr, false);
  const marks = fired.flatMap(({ values }) => values.map(([at]) => at).filter((at, i, all) => at - (all[i - 1] ?? 0) > STEP));
  return { dashboard, panels, answers, marks: marks.map((at) => at * 1000) };
}

const boards = await Promise.all(names.map(board));
const folder = mkdtempSync(join(tmpdir(), 'dashboards-'));
try {
  await build({ entryPoints: [join(import.meta.dirname, 'page.jsx')], bundle: true, outdir: folder, jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' }, loader: { '.svg': 'dataurl', '.ttf': 'empty' }, logLevel: 'error' });
  const drawn = JSON.stringify({ boards, from: from * 1000, to: to * 1000 }).replaceAll('<', '\\u003c');
  writeFileSync(join(folder, 'index.html'), `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css">
<style>body{margin:0;overflow:hidden;background:#111217;font-family:Inter,sans-serif}#root{position:relative;width:1600px}</style>
<div id="root"></div><script>window.DRAWN=${drawn}</script><script src="page.js"></script>`);
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  const page = await browser.newPage({ viewport: { width: 1600, height: 8000 } });
  page.on('pageerror', (error) => { console.error(error); process.exitCode = 1; });
  await page.goto(`file://${folder}/index.html`);
  await page.waitForTimeout(3000); // the components measure themselves, and draw again
  const clip = { x: 0, y: 0, scale: 1, ...await page.evaluate(() => ({ width: 1600, height: document.getElementById('root').offsetHeight })) };
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send('Page.captureScreenshot', { format: 'webp', quality: 80, clip });
  writeFileSync(out, Buffer.from(data, 'base64'));
  await browser.close();
} finally {
  rmSync(folder, { recursive: true });
}
