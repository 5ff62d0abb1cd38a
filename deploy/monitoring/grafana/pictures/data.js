// From what Prometheus said to what Grafana's components draw: frames, with all that a dashboard
// says of their fields.
import { FieldConfigOptionsRegistry, FieldType, applyFieldOverrides, cacheFieldDisplayNames } from '@grafana/data';
import { createTheme, standardTransformers, standardTransformersRegistry, toDataFrame, transformDataFrame } from '@grafana/data';

export const theme = createTheme({ colors: { mode: 'dark' } });
export const STEP = 15_000; // ms between two points

const PLAIN = ['displayName', 'unit', 'decimals', 'min', 'max', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
// What each kind of panel takes beside, and what it does where the dashboard does not say.
const CUSTOM = {
  timeseries: {
    drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, spanNulls: false, showPoints: 'auto',
    stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisLabel: '', axisSoftMax: undefined,
    scaleDistribution: { type: 'linear' }, thresholdsStyle: { mode: 'off' }, hideFrom: { viz: false, legend: false },
  },
  table: { align: 'auto', inspect: false, cellOptions: { type: 'auto' }, width: undefined, minWidth: undefined },
  'state-timeline': { lineWidth: 0, fillOpacity: 70 },
  stat: {},
};

const option = (path, isCustom) => ({
  id: isCustom ? `custom.${path}` : path, name: path, path, isCustom,
  process: (value) => value, shouldApply: (field) => !isCustom || field.type !== FieldType.time,
});
const options = (kind) => new FieldConfigOptionsRegistry(() => [
  ...PLAIN.map((path) => option(path, false)),
  ...Object.keys(CUSTOM[kind]).map((path) => option(path, true)),
]);
const { organizeFieldsTransformer: organize } = standardTransformers; // the only one that our dashboards use
standardTransformersRegistry.setInit(() => [{ id: organize.id, name: organize.name, transformation: async () => organize }]);

/** The panel's `fieldConfig`, with what Grafana adds to it. */
export function fieldConfig(panel) {
  const { defaults, overrides } = panel.fieldConfig;
  const steps = defaults.thresholds?.steps ?? [{ color: 'green', value: null }, { color: 'red', value: 80 }];
  return {
    overrides,
    defaults: {
      color: { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' },
      ...defaults,
      thresholds: { mode: 'absolute', steps: steps.map((each) => ({ ...each, value: each.value ?? -Infinity })) },
      custom: { ...CUSTOM[panel.type], ...defaults.custom },
    },
  };
}

// Grafana draws a gap where there is no number.
const number = (text) => (Number.isFinite(Number(text)) ? Number(text) : null);
const legend = (target, labels) => target.legendFormat.replace(/\{\{(\w+)\}\}/g, (_, name) => labels[name] ?? '');

function table(found) {
  const names = [...new Set(found.flatMap((each) => Object.keys(each.metric)))].sort();
  return toDataFrame({ fields: [
    { name: 'Time', type: FieldType.time, values: found.map((each) => each.value[0] * 1000) },
    ...names.map((name) => ({ name, type: FieldType.string, values: found.map((each) => each.metric[name] ?? '') })),
    { name: 'Value', type: FieldType.number, values: found.map((each) => number(each.value[1])) },
  ] });
}

function series(target, { metric, values, value }) {
  const points = values ?? [value], name = legend(target, metric);
  return toDataFrame({ name, fields: [
    { name: 'Time', type: FieldType.time, config: { interval: STEP }, values: points.map(([at]) => at * 1000) },
    { name: 'Value', type: FieldType.number, labels: metric, config: { displayNameFromDS: name }, values: points.map(([, text]) => number(text)) },
  ] });
}

/** The frames of a panel. `answers` has what Prometheus said to each of its targets. */
export async function frames(panel, answers) {
  const read = panel.targets.flatMap((target, index) => {
    const found = answers[index];
    if (target.format === 'table') return found.length ? [table(found)] : [];
    return found.map((each) => series(target, each));
  });
  const data = await new Promise((done) => { transformDataFrame(panel.transformations ?? [], read).subscribe(done); });
  const asked = { fieldConfig: fieldConfig(panel), fieldConfigRegistry: options(panel.type) };
  const drawn = applyFieldOverrides({ data, ...asked, theme, timeZone: 'utc', replaceVariables: (text) => text });
  cacheFieldDisplayNames(drawn);
  return drawn;
}
