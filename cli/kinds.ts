/** The registry: every stage kind of the product. The only list of them. */
import type { KindRegistry, StageKind } from '../runner/contract.js';
import clp from '../stages/kinds/clp.js';
import dataJsonl from '../stages/kinds/data-jsonl.js';
import dataNews from '../stages/kinds/data-news.js';
import front from '../stages/kinds/front.js';
import report from '../stages/kinds/report.js';
import rewardedSoup from '../stages/kinds/rewarded-soup.js';
import sft from '../stages/kinds/sft.js';
import shell from '../stages/kinds/shell.js';
import soft from '../stages/kinds/soft.js';

const all: readonly StageKind[] = [dataNews, dataJsonl, sft, soft, clp, rewardedSoup, front, report, shell];

export const kinds: KindRegistry = new Map(all.map((kind) => [kind.name, kind]));
