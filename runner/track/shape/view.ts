/**
 * Views of an experiment that draw its trade-offs. Children are folded below their parent, and then no chart shows
 * them; a view that groups or filters shows all. This is the inner format of the server's pages (major version 3): it
 * stands in this file alone, and a server that doesn't know it shows its own pages.
 */
import { deflateSync } from 'node:zlib';
import { sha256 } from '../../../schemas/json.js';
import type { Shown } from '../../contract.js';
import type { Pairs } from '../mlflow/types.js';

/** What there is to draw. */
export interface Drawn {
  /** Params of points. */
  readonly params: readonly string[];
  /** Figures of points, the first two on the axes of a chart. */
  readonly compared: readonly string[];
  /** Final figures of cells. */
  readonly finals: readonly string[];
  readonly curves: readonly string[];
}

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

/** All that the results of a run offer to charts. */
export function drawnOf(all: readonly Shown[]): Drawn {
  return {
    params: varying(all.flatMap(({ points = [] }) => points.map(({ params }) => params))),
    compared: distinct(all.flatMap(({ compared = [] }) => compared)),
    finals: distinct(all.flatMap(({ figures = {}, finals = [] }) => [...Object.keys(figures), ...finals])),
    curves: distinct(all.flatMap(({ curves = [] }) => curves)),
  };
}

/** Numbers that are not the same at all points. */
function varying(points: readonly Readonly<Record<string, number | string>>[]): readonly string[] {
  const names = distinct(points.flatMap((params) => Object.keys(params)));
  return names.filter((name) => {
    const values = new Set(points.map((params) => params[name]));
    return values.size > 1 && [...values].every((value) => typeof value === 'number');
  });
}

export const isKnownVersion = (version: string): boolean => /^3\./.test(version);

/** Keys of the views, as the address of the experiment's page names them. */
export const viewKeys = { all: 'moft', front: 'moft-front', training: 'moft-training' } as const;

/** Tag of an experiment that holds a view. */
export const viewTag = (key: string): string => `mlflow.sharedViewState.${key}`;

/** The page of an experiment with a view. */
export const viewPage = (experimentPage: string, key: string): string =>
  `${experimentPage}&viewStateShareKey=${key}&compareRunsMode=CHART`;

export const hasCharts = ({ compared, curves }: Drawn): boolean => compared.length + curves.length > 0;

/** Tags of the experiment; none where there is nothing to draw. */
export function viewTags(drawn: Drawn, time: number): Pairs {
  const { compared, curves, finals } = drawn;
  const hasFront = compared.length > 0;
  if (!hasCharts(drawn)) return {};
  const front = hasFront ? [frontSection(drawn)] : [];
  const whole = finals.length > 0 ? [finalSection(drawn)] : [];
  const training = curves.length > 0 ? [curveSection(drawn)] : [];
  const views: readonly (readonly [string, string, View])[] = [
    [viewKeys.all, 'moft', { sections: [...front, ...whole, ...training], filter: '' }],
    ...(hasFront
      ? [[viewKeys.front, 'moft: front', { sections: front, filter: "tags.`moft.role` = 'point'" }] as const]
      : []),
    [
      viewKeys.training,
      'moft: training',
      { sections: [...training, ...whole], filter: "tags.`moft.role` = 'cell'" },
    ],
  ];
  return Object.fromEntries(
    views.map(([key, name, view]) => [
      viewTag(key),
      JSON.stringify({ name, createdAt: time, updatedAt: time, state: packed(stateOf(view, drawn)) }),
    ]),
  );
}

interface View {
  readonly sections: readonly Section[];
  readonly filter: string;
}

interface Section {
  readonly name: string;
  readonly columns: number;
  readonly charts: readonly Chart[];
}

type Chart = Readonly<Record<string, unknown>> & { readonly type: string };

/** The server keeps 20,000 characters of a tag. */
const packed = (state: unknown): string =>
  `deflate;${deflateSync(Buffer.from(JSON.stringify(state))).toString('base64')}`;

const frontSection = ({ params, compared }: Drawn): Section => {
  const [x = '', y = x] = compared;
  return {
    name: 'Front',
    columns: 2,
    charts: [
      {
        type: 'SCATTER',
        displayName: `${y} against ${x}`,
        xaxis: { key: x, type: 'METRIC' },
        yaxis: { key: y, type: 'METRIC' },
      },
      {
        type: 'PARALLEL',
        displayName: 'From weights to results',
        selectedParams: params,
        selectedMetrics: compared,
        showAllRuns: true,
      },
    ],
  };
};

const finalSection = ({ finals }: Drawn): Section => ({
  name: 'Final figures',
  columns: 3,
  charts: finals.map((metricKey) => ({ type: 'BAR', metricKey, displayName: metricKey })),
});

const curveSection = ({ curves }: Drawn): Section => ({
  name: 'Training',
  columns: 3,
  charts: curves.map((metricKey) => ({
    type: 'LINE',
    metricKey,
    displayName: metricKey,
    selectedMetricKeys: [metricKey],
    lineSmoothness: 0,
    xAxisScaleType: 'linear',
    scaleType: 'linear',
    range: {},
    xAxisKey: 'step',
    selectedXAxisMetricKey: '',
    yAxisKey: 'metric',
    yAxisExpressions: [],
    ignoreOutliers: false,
    useGlobalXaxisKey: true,
    useGlobalLineSmoothing: true,
  })),
});

function stateOf({ sections, filter }: View, { params, compared }: Drawn): unknown {
  const idOf = (...parts: readonly (string | number)[]): string => sha256(parts.join('\0')).slice(0, 16);
  return {
    searchFilter: filter,
    orderByKey: 'attributes.start_time',
    orderByAsc: false,
    startTime: 'ALL',
    lifecycleFilter: 'Active',
    datasetsFilter: [],
    modelVersionFilter: 'All Runs',
    selectedColumns: [
      ...params.map((name) => `params.\`${name}\``),
      ...compared.map((name) => `metrics.\`${name}\``),
    ],
    columnOrder: [],
    columnWidths: {},
    runsHiddenMode: 'SHOW_ALL',
    compareRunCharts: sections.flatMap(({ name, charts }) =>
      charts.map((chart, place) => ({
        uuid: idOf(name, place),
        runsCountToCompare: 100,
        metricSectionId: idOf(name),
        deleted: false,
        isGenerated: false,
        ...chart,
      })),
    ),
    compareRunSections: sections.map(({ name, columns }) => ({
      uuid: idOf(name),
      name,
      columns,
      display: true,
      isReordered: true,
      deleted: false,
      isGenerated: false,
    })),
    viewMaximized: false,
    runListHidden: false,
    isAccordionReordered: true,
    // Drawn one by one: a mean over the points of a front would be no point of it.
    useGroupedValuesInCharts: false,
    hideEmptyCharts: true,
    groupBy: { aggregateFunction: 'average', groupByKeys: [{ mode: 'tag', groupByData: 'moft.series' }] },
    groupsExpanded: {},
    globalLineChartConfig: { xAxisKey: 'step', lineSmoothness: 0, selectedXAxisMetricKey: '' },
  };
}
