// Draws dashboards, one below the other, with Grafana's own open components.
import { Fragment, useLayoutEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { ThemeContext, dateTime, formattedValueToString, getFieldDisplayName, getFieldDisplayValues } from '@grafana/data';
import { BigValue, GlobalStyles, PanelChrome, TimeSeries, VizLayout, VizLegend } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { initPluginTranslations } from '@grafana/i18n';
import { STEP, fieldConfig, frames, theme } from './data.js';

const { boards, from, to } = window.DRAWN, range = { from: dateTime(from), to: dateTime(to) };
const WIDTH = 1600, CELL = 38, GAP = 8, HEAD = 48; // Grafana's grid: 30 px a row, and 8 between
const text = theme.colors.text;

const empty = { height: '100%', display: 'grid', placeItems: 'center', color: text.secondary, fontSize: 18 };
const Empty = ({ panel }) => <div style={empty}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;

function Stat({ panel, data, width, height }) {
  const { reduceOptions, wideLayout, ...options } = panel.options;
  const [{ display }] = getFieldDisplayValues({
    data, reduceOptions, fieldConfig: fieldConfig(panel), theme, timeZone: 'utc', replaceVariables: (each) => each,
  });
  return <BigValue {...options} theme={theme} value={display} width={width} height={height} disableWideLayout={!wideLayout} />;
}

// Where an alert began to fire, as the dashboard's annotation asks.
function Marks({ config, marks }) {
  useLayoutEffect(() => config.addHook('draw', (plot) => {
    plot.ctx.fillStyle = theme.visualization.getColorByName('red');
    for (const at of marks.filter((each) => each > from)) plot.ctx.fillRect(plot.valToPos(at, 'x', true), plot.bbox.top, 1.5, plot.bbox.height);
  }), [config, marks]);
  return null;
}

const Series = ({ panel, data, marks, width, height }) => data.length ? (
  <TimeSeries frames={data} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend}>
    {(config) => <Marks config={config} marks={marks} />}
  </TimeSeries>
) : <Empty panel={panel} />;

const Cells = ({ panel, data, width, height }) => data.length ? (
  <TableNG data={data[0]} width={width} height={height} cellHeight="sm" sortBy={panel.options.sortBy}
    fieldConfig={panel.fieldConfig} enableVirtualization={false} timeRange={range} />
) : <Empty panel={panel} />;

function stretches({ fields: [time, field] }) {
  const found = [];
  time.values.forEach((begin, index) => {
    const shown = field.display(field.values[index]), label = formattedValueToString(shown), last = found.at(-1);
    if (last?.label === label && begin <= last.end) last.end = begin + STEP;
    else found.push({ label, color: shown.color, begin, end: begin + STEP });
  });
  return found;
}

// Grafana's state timeline is not among its open components: the bars are ours, their colours are not.
function States({ panel, data, width, height }) {
  if (!data.length) return <Empty panel={panel} />;
  const rows = data.map((frame) => ({ name: getFieldDisplayName(frame.fields[1], frame, data), parts: stretches(frame) }));
  const left = Math.min(width / 2.5, 14 + 7 * Math.max(...rows.map((row) => row.name.length)));
  const x = (at) => left + ((Math.min(at, to) - from) / (to - from)) * (width - left - 8);
  const colors = new Map(rows.flatMap((row) => row.parts.map((part) => [part.label, part.color])));
  const items = [...colors].map(([label, color]) => ({ label, color, yAxis: 1 }));
  const listed = <VizLegend placement="bottom" displayMode="list" items={items} />;
  const legend = panel.options.legend.showLegend ? <VizLayout.Legend placement="bottom">{listed}</VizLayout.Legend> : null;
  const opacity = fieldConfig(panel).defaults.custom.fillOpacity / 100;
  const ticks = [...Array(6).keys()].map((index) => from + ((to - from) * (index + 0.5)) / 6);
  return <VizLayout width={width} height={height} legend={legend}>{(w, h) => {
    const row = (h - 22) / rows.length, bar = row * panel.options.rowHeight;
    return <div style={{ position: 'relative', width: w, height: h, fontSize: 12, color: text.primary }}>
      {rows.map(({ name, parts }, index) => <Fragment key={name}>
        <div style={{ position: 'absolute', top: (index + 0.5) * row - 9, width: left - 8, textAlign: 'right', whiteSpace: 'nowrap' }}>{name}</div>
        {parts.map((part) => <div key={part.begin} style={{
          position: 'absolute', top: index * row + (row - bar) / 2, height: bar, left: x(part.begin),
          width: Math.max(2, x(part.end) - x(part.begin)), background: part.color, opacity,
        }} />)}
      </Fragment>)}
      {ticks.map((tick) => <div key={tick} style={{ position: 'absolute', bottom: 0, left: x(tick) - 18 }}>{dateTime(tick).utc().format('HH:mm')}</div>)}
    </div>;
  }}</VizLayout>;
}

const KINDS = { stat: Stat, timeseries: Series, table: Cells, 'state-timeline': States };

function Panel({ panel, top, ...rest }) {
  const { x, y, w, h } = panel.gridPos, column = (WIDTH - 2 * GAP) / 24;
  const width = w * column - GAP, height = h * CELL - GAP;
  const box = { position: 'absolute', left: x * column + 1.5 * GAP, top: top + HEAD + y * CELL, width, height };
  if (panel.type === 'row') return <div style={{ ...box, fontSize: 16, color: text.primary }}>{panel.title}</div>;
  const Kind = KINDS[panel.type];
  return <div style={box}>
    <PanelChrome title={panel.title} width={width} height={height} padding={panel.type === 'table' ? 'none' : 'md'}>
      {(innerWidth, innerHeight) => <Kind panel={panel} {...rest} width={innerWidth} height={innerHeight} />}
    </PanelChrome>
  </div>;
}

async function main() {
  await initPluginTranslations('drivestream');
  const root = document.getElementById('root'), drawn = [];
  let top = 0;
  for (const { dashboard: { title }, panels, answers, marks } of boards) {
    const time = `${dateTime(from).utc().format('YYYY-MM-DD HH:mm')} to ${dateTime(to).utc().format('HH:mm')} UTC`;
    drawn.push(<div key={title} style={{ position: 'absolute', top, width: WIDTH, padding: 12, fontSize: 18, color: text.primary }}>
      {title}<span style={{ float: 'right', fontSize: 13, color: text.secondary }}>{time}</span></div>);
    for (const panel of panels) {
      const data = panel.targets && await frames(panel, answers[panel.id]);
      drawn.push(<Panel key={title + panel.id} panel={panel} data={data} marks={marks} top={top} />);
    }
    top += HEAD + CELL * Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  }
  root.style.height = `${top + GAP}px`;
  createRoot(root).render(<ThemeContext.Provider value={theme}><GlobalStyles />{drawn}</ThemeContext.Provider>);
}
main();
