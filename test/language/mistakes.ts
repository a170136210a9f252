/** Mistakes whose first fix mends the file: a good file, and what goes wrong in it. */

/** Right as it stands; every mistake changes one text of it. */
export const good = `name: good
seeds: 2
params: {alpha: 0.05, steps: 30}
stages:
  news: {uses: data/news, with: {documents: 64, gate: true}}
  reference:
    uses: sft
    with:
      data: $news.train
      model: {width: 8, layers: 1}
      optimiser: adamw
  expert:
    uses: soft
    matrix:
      reward: [nli, rouge]
    timeout: 2h
    needs: [news]
    env: [PATH]
    resources: {cpu: 2, memory: 512MiB}
    with:
      reference: $reference.model
      prompts: $news.train
      rewards: $matrix.reward
      alpha: $params.alpha
      steps: 12
  clp:
    uses: clp
    matrix: {conditioning: [full, logits]}
    with: {reference: $reference.model, prompts: $news.train, rewards: [nli, rouge], conditioning: $matrix.conditioning}
  soup: {uses: rewarded-soup, with: {experts: $expert(reward=*).policy}}
  front:
    uses: front
    matrix: {method: {soup: $soup.policy, clp: $clp.policy}}
    with: {policy: $matrix.method, prompts: $news.test}
  report:
    uses: report
    with: {fronts: $front(*).front}
`;

export interface Mistake {
  /** Kind of the mistake. */
  readonly what: string;
  readonly code: string;
  /** Text of the good file, and what a mistake makes of it. */
  readonly from: string;
  readonly to: string;
}

const mistake = (what: string, code: string, from: string, to: string): Mistake => ({ what, code, from, to });

export const mistakes: readonly Mistake[] = [
  mistake(
    'a reference in braces, as other tools interpolate',
    'syntax',
    'conditioning: $matrix.conditioning}',
    'conditioning: ${matrix.conditioning}}',
  ),
  // names
  mistake('a misspelt stage', 'unknown-stage', '$soup.policy', '$suop.policy'),
  mistake('a misspelt output', 'unknown-output', '$news.test', '$news.tset'),
  mistake('the only output by another name', 'unknown-output', '$reference.model', '$reference.weights'),
  mistake('a misspelt kind', 'unknown-kind', 'uses: sft', 'uses: stf'),
  mistake('a kind without its folder', 'unknown-kind', 'data/news', 'news'),
  mistake('a misspelt param', 'unknown-param', '$params.alpha', '$params.alhpa'),
  mistake('`param` for `params`', 'unknown-stage', '$params.alpha', '$param.alpha'),
  mistake('a misspelt own axis', 'unknown-axis', '$matrix.reward', '$matrix.rewards'),
  mistake('a misspelt axis of a selector', 'unknown-axis', '(reward=*)', '(rewrad=*)'),
  mistake(
    'a misspelt value of a selector',
    'unknown-value',
    '$expert(reward=*).policy',
    '[$expert(reward=nil).policy, $expert(reward=rouge).policy]',
  ),
  mistake(
    'a selector on a stage without axes',
    'unknown-axis',
    'prompts: $news.test',
    'prompts: $news(seed=0).test',
  ),
  mistake('a reference where a stage is waited for', 'wrong-type', 'needs: [news]', 'needs: [$news.train]'),
  mistake('a secret that counts', 'secret-in-env', 'env: [PATH]', 'env: [PATH, HOME]\n    secrets: [HOME]'),
  mistake('a misspelt stage to wait for', 'unknown-stage', 'needs: [news]', 'needs: [nwes]'),
  mistake('a misspelt key of the file', 'unknown-key', 'params:', 'parms:'),
  mistake('a misspelt key of a stage', 'unknown-key', 'timeout:', 'timeuot:'),
  mistake('a misspelt setting', 'unknown-key', 'steps: 12', 'stpes: 12'),
  mistake('a misspelt setting inside another', 'unknown-key', 'width: 8', 'widht: 8'),
  mistake('a misspelt resource', 'unknown-key', 'cpu: 2', 'cpus: 2'),
  mistake('a misspelt value of a setting', 'wrong-value', 'optimiser: adamw', 'optimiser: adawm'),
  mistake('a misspelt value of a key', 'wrong-type', 'seeds: 2', 'on_failure: keep_going\nseeds: 2'),
  mistake('a stage in capitals', 'bad-name', '  news: {', '  News: {'),
  mistake('a reference in capitals', 'bad-reference', 'prompts: $news.test', 'prompts: $News.test'),
  mistake('an input without `$`', 'wrong-artifact', 'prompts: $news.test', 'prompts: news.test'),
  // references
  mistake(
    'commas between selectors',
    'selector-comma',
    '$expert(reward=*).policy',
    '$expert(reward=*, seed=0).policy',
  ),
  mistake(
    'commas between selectors on a line',
    'selector-comma',
    'data: $news.train',
    'data: $news.train\n  extra:\n    uses: rewarded-soup\n    with:\n      experts: $expert(reward=*, seed=0).policy\n  other:\n    uses: sft\n    with:\n      data: $news.train',
  ),
  mistake(
    'several values of a pick',
    'pick-several',
    '$expert(reward=*).policy',
    '$expert(reward=nli, rouge).policy',
  ),
  mistake(
    'a selector that is not closed',
    'bad-reference',
    '$expert(reward=*).policy',
    '$expert(reward=*.policy',
  ),
  mistake('an empty selector', 'bad-reference', '$reference.model', '$reference().model'),
  mistake('the same selector twice', 'bad-reference', '(reward=*)', '(reward=* reward=*)'),
  mistake(
    'a reference without its output',
    'bad-reference',
    'reference: $reference.model\n',
    'reference: $reference\n',
  ),
  mistake('a reference that goes too deep', 'bad-reference', '$news.test', '$news.test.rows'),
  mistake(
    'a reference by way of `stages`',
    'bad-reference',
    'prompts: $news.test',
    'prompts: $stages.news.test',
  ),
  mistake('a selector on params', 'bad-reference', '$params.alpha', '$params(x=1).alpha'),
  mistake('interpolation', 'bad-reference', '$params.alpha', '"${params.alpha}"'),
  mistake('interpolation of workflows', 'bad-reference', '$params.alpha', '"${{ params.alpha }}"'),
  mistake('a dollar that is text', 'bad-reference', '{fronts:', '{title: $5, fronts:'),
  // inputs
  mistake('one artifact for a list', 'one-for-list', '$expert(reward=*).policy', '$expert.policy'),
  mistake(
    'a list for one artifact',
    'list-for-one',
    'prompts: $news.test',
    'prompts: $news.test, reference: $reference(seed=*).model',
  ),
  mistake('a list of one for one artifact', 'wrong-artifact', 'data: $news.train', 'data: [$news.train]'),
  mistake(
    'a gather that leaves an axis to some',
    'ragged-gather',
    '$front(*).front',
    '$front(method=*).front',
  ),
  mistake(
    'a missing input that one artifact fits',
    'missing-input',
    '      reference: $reference.model\n',
    '',
  ),
  mistake(
    'a missing input in flow style',
    'missing-input',
    '{reference: $reference.model, prompts',
    '{prompts',
  ),
  mistake(
    'a missing list that one artifact fits',
    'missing-input',
    'with: {fronts: $front(*).front}',
    'with: {title: text}',
  ),
  mistake('a stage without `with`', 'missing-input', '    with: {fronts: $front(*).front}\n', ''),
  mistake(
    'an artifact of another type',
    'wrong-artifact',
    '      reference: $reference.model\n',
    '      reference: $news.train\n',
  ),
  // places of keys
  mistake(
    'a setting beside `uses`',
    'unknown-key',
    '    matrix: {method:',
    '    sampling_seed: 4\n    matrix: {method:',
  ),
  mistake(
    'a key of the stage under `with`',
    'unknown-key',
    '      steps: 12\n',
    '      steps: 12\n      retries: {user: 1}\n',
  ),
  mistake(
    'a key of the file in a stage',
    'unknown-key',
    '    timeout: 2h\n',
    '    timeout: 2h\n    max_cells: 500\n',
  ),
  mistake('a key of stages at the top', 'unknown-key', 'seeds: 2\n', 'seeds: 2\nretries: {user: 1}\n'),
  mistake(
    'a key of the file in `defaults`',
    'unknown-key',
    'seeds: 2\n',
    'seeds: 2\ndefaults: {max_cells: 100, timeout: 1h}\n',
  ),
  mistake(
    'a setting of the model outside it',
    'unknown-key',
    '      optimiser: adamw\n',
    '      optimiser: adamw\n      heads: 2\n',
  ),
  mistake(
    'a setting inside another',
    'unknown-key',
    'model: {width: 8, layers: 1}',
    'model: {width: 8, layers: 1, steps: 4}',
  ),
  // axes
  mistake(
    'an axis of seeds',
    'reserved-name',
    'matrix: {conditioning: [full, logits]}',
    'matrix: {conditioning: [full, logits], seed: [0, 1]}',
  ),
  mistake(
    'an axis of seeds alone',
    'reserved-name',
    '    uses: sft',
    '    uses: sft\n    matrix: {seed: [0, 1]}',
  ),
  mistake(
    'an axis in capitals',
    'bad-name',
    'matrix: {conditioning: [full, logits]}',
    'matrix: {Conditioning: [full, logits]}',
  ),
  mistake('one value for an axis', 'wrong-type', 'conditioning: [full, logits]', 'conditioning: full'),
  mistake(
    'a reference for an axis',
    'wrong-type',
    '{method: {soup: $soup.policy, clp: $clp.policy}}',
    '{method: $soup.policy}',
  ),
  mistake(
    'a reference in a list of values',
    'unnamed-value',
    '{method: {soup: $soup.policy, clp: $clp.policy}}',
    '{method: [$soup.policy]}',
  ),
  mistake(
    'a named value in brackets',
    'unnamed-value',
    '{method: {soup: $soup.policy, clp: $clp.policy}}',
    '{method: [soup: $soup.policy]}',
  ),
  mistake('a value of an axis twice', 'duplicate-value', 'reward: [nli, rouge]', 'reward: [nli, rouge, nli]'),
  // values
  mistake('a number in quotes', 'wrong-type', 'documents: 64', 'documents: "64"'),
  mistake('thousands apart', 'wrong-type', 'documents: 64', 'documents: 6_400'),
  mistake('thousands apart in params', 'number-text', 'steps: 30', 'steps: 3_000'),
  mistake('a leading zero', 'leading-zero', 'documents: 64', 'documents: 064'),
  mistake('a decimal comma', 'wrong-type', '      alpha: $params.alpha', '      alpha: 0,05'),
  mistake('a percentage', 'wrong-type', '      alpha: $params.alpha', '      alpha: 5%'),
  mistake('yes for true', 'wrong-type', 'gate: true', 'gate: yes'),
  mistake('true in quotes', 'wrong-type', 'gate: true', 'gate: "true"'),
  mistake('a number where text is taken', 'wrong-type', 'name: good', 'name: 2024'),
  mistake('one name for a list of names', 'wrong-type', 'env: [PATH]', 'env: PATH'),
  mistake('one stage for a list of stages', 'wrong-type', 'needs: [news]', 'needs: news'),
  mistake('a name twice', 'duplicate-name', 'env: [PATH]', 'env: [PATH, PATH]'),
  mistake('a seed twice', 'duplicate-value', 'seeds: 2', 'seeds: [0, 1, 1]'),
  mistake('a count in quotes', 'wrong-type', 'seeds: 2', 'seeds: "2"'),
  mistake('a long unit of time', 'wrong-type', 'timeout: 2h', 'timeout: 2 hours'),
  mistake('a short unit of bytes', 'wrong-type', '512MiB', '2G'),
  mistake(
    'seeds of a stage that does not train',
    'misplaced-seeds',
    '{uses: data/news,',
    '{uses: data/news, seeds: 3,',
  ),
  mistake('a file without a name', 'missing-key', 'name: good\n', ''),
  // YAML
  mistake('a key without a space', 'missing-space', '{documents: 64,', '{documents:64,'),
  mistake('a key twice', 'duplicate-key', '      steps: 12\n', '      steps: 12\n      steps: 12\n'),
  mistake('null for a setting', 'null-value', '      steps: 12', '      steps: null'),
  mistake('nothing for a setting', 'null-value', 'documents: 64', 'documents: '),
  mistake(
    'a merge key',
    'merge-key',
    'with: {documents: 64, gate: true}',
    'with: &some {documents: 64}}\n  more: {uses: data/news, with: {<<: *some, gate: true}',
  ),
  mistake('a tag', 'tag', 'documents: 64', 'documents: !!int 64'),
  mistake('a directive', 'directive', 'name: good', '%YAML 1.2\n---\nname: good'),
  mistake(
    'an empty second document',
    'several-documents',
    '    with: {fronts: $front(*).front}\n',
    '    with: {fronts: $front(*).front}\n---\n',
  ),
  mistake(
    'a misspelt alias',
    'unknown-anchor',
    'model: {width: 8, layers: 1}',
    'model: {width: &eight 8, heads: *eihgt}',
  ),
  mistake('a tab', 'tab-indentation', '      steps: 12', '\t\t\tsteps: 12'),
  mistake('a tab for more spaces', 'tab-indentation', '      steps: 12', '\tsteps: 12'),
  mistake(
    'tabs among spaces',
    'tab-indentation',
    '      prompts: $news.train\n      rew',
    '\t\tprompts: $news.train\n\t\trew',
  ),
  // syntax
  mistake('a quote that is not closed', 'syntax', 'name: good', 'name: "good'),
  mistake('a quote that is not closed in flow style', 'syntax', '{fronts:', "{title: 'text, fronts:"),
  mistake('a map that is not closed', 'syntax', '{cpu: 2, memory: 512MiB}', '{cpu: 2, memory: 512MiB'),
  mistake('a list that is not closed', 'syntax', 'reward: [nli, rouge]', 'reward: [nli, rouge'),
  mistake(
    'a list in a map, both not closed',
    'syntax',
    'rewards: [nli, rouge], conditioning: $matrix.conditioning}',
    'conditioning: $matrix.conditioning, rewards: [nli, rouge',
  ),
  mistake('one `}` too many', 'syntax', 'gate: true}}', 'gate: true}}}'),
  mistake('a missing colon', 'syntax', '    uses: soft', '    uses soft'),
  mistake('a missing colon after a stage', 'syntax', '  reference:\n', '  reference\n'),
  mistake('a missing space after a colon', 'syntax', '    uses: soft', '    uses:soft'),
  mistake('a colon in text', 'syntax', 'name: good', 'description: what it shows: all\nname: good'),
  mistake('an `@` at the begin', 'syntax', '{fronts:', '{title: @all, fronts:'),
  mistake('a backslash in double quotes', 'syntax', '{fronts:', '{title: "\\d", fronts:'),
  mistake('a missing comma', 'syntax', '{cpu: 2, memory', '{cpu: 2 memory'),
  mistake('an indentation too deep', 'syntax', '      steps: 12', '        steps: 12'),
  mistake('an indentation in between', 'syntax', '    timeout: 2h', '   timeout: 2h'),
  mistake('a list item beside its key', 'syntax', 'needs: [news]', 'needs: - news'),
];
