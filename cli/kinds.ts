/** The registry: every stage kind of the product. The only list of them. */
import type { KindRegistry, StageKind } from '../runner/contract.js';
import clp from '../stages/kinds/clp.js';
import dataCsv from '../stages/kinds/data-csv.js';
import dataHuggingface from '../stages/kinds/data-huggingface.js';
import dataJsonl from '../stages/kinds/data-jsonl.js';
import dataNews from '../stages/kinds/data-news.js';
import dataParquet from '../stages/kinds/data-parquet.js';
import front from '../stages/kinds/front.js';
import report from '../stages/kinds/report.js';
import rewardedSoup from '../stages/kinds/rewarded-soup.js';
import sft from '../stages/kinds/sft.js';
import shell from '../stages/kinds/shell.js';
import soft from '../stages/kinds/soft.js';

const data = [dataNews, dataJsonl, dataCsv, dataParquet, dataHuggingface];
const all: readonly StageKind[] = [...data, sft, soft, clp, rewardedSoup, front, report, shell];

export const kinds: KindRegistry = new Map(all.map((kind) => [kind.name, kind]));
