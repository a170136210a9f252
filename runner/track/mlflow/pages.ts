/** Searches, a page after the other. */
import { ok, type Result } from '../../../schemas/result.js';
import type { MlflowProblem } from './problem.js';
import type { Transport } from './transport.js';

export interface Search<Page, Item> {
  /** Of the call. */
  readonly path: string;
  /** What is asked, beside the page. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly filter?: string | undefined;
  /** Items of a page. */
  readonly most: number;
  /** Items in all; default: every one. */
  readonly limit?: number;
  readonly items: (page: Page) => readonly Item[];
}

/** All that a search finds. */
export async function searched<Page, Item>(
  to: Transport,
  { path, body, filter, most, limit = Infinity, items }: Search<Page, Item>,
): Promise<Result<readonly Item[], MlflowProblem>> {
  const found: Item[] = [];
  let token: string | undefined;
  do {
    const page = await to.json<Page & { readonly next_page_token?: string }>({
      method: 'POST',
      path,
      body: {
        ...{ ...body, max_results: Math.min(most, limit - found.length) },
        ...(filter ? { filter } : {}),
        ...(token ? { page_token: token } : {}),
      },
    });
    if (!page.ok) return page;
    found.push(...items(page.value));
    token = page.value.next_page_token;
  } while (token && found.length < limit);
  return ok(found);
}
