// Every kernel against a plain loop in double precision, and what each must refuse: for compilers and processors that no
// TensorFlow is at hand for. kernels.test.ts compiles and runs it.
#include "plain.h"

typedef std::vector<double> Doubles;

static Doubles doubles(const Array& x) { return Doubles(x.values.begin(), x.values.end()); }

static Doubles product(const Doubles& a, const Doubles& b, int64_t m, int64_t k, int64_t n, const Doubles& bias = {}) {
  Doubles c(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      double sum = bias.empty() ? 0 : bias[j];
      for (int64_t l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
      c[i * n + j] = sum;
    }
  return c;
}

static Doubles norm(const Doubles& x, const Doubles& gain, const Doubles& bias, int64_t n) {
  Doubles y(x.size());
  for (size_t row = 0; row < x.size(); row += n) {
    double mean = 0, squares = 0;
    if (!bias.empty())
      for (int64_t c = 0; c < n; c++) mean += x[row + c] / n;
    for (int64_t c = 0; c < n; c++) squares += (x[row + c] - mean) * (x[row + c] - mean) / n;
    for (int64_t c = 0; c < n; c++)
      y[row + c] = (x[row + c] - mean) / std::sqrt(squares + 1e-5) * gain[c] + (bias.empty() ? 0 : bias[c]);
  }
  return y;
}

static Doubles logSoftmaxed(Doubles x, int64_t n) {
  for (size_t row = 0; row < x.size(); row += n) {
    double sum = 0;
    for (int64_t c = 0; c < n; c++) sum += std::exp(x[row + c]);
    for (int64_t c = 0; c < n; c++) x[row + c] -= std::log(sum);
  }
  return x;
}

static double activated(int kind, double x) {
  if (kind == 0) return 0.5 * x * (1 + std::tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
  if (kind == 1) return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  if (kind == 2) return x > 0 ? x : 0;
  return x / (1 + std::exp(-x));
}

static Doubles each(const Doubles& x, const std::function<double(double)>& f) {
  Doubles y;
  for (double value : x) y.push_back(f(value));
  return y;
}

static void exponentials() {
  double most = 0;
  for (int i = -80000; i <= 5000; i++) {
    const float x = static_cast<float>(i) / 1000;
    most = std::fmax(most, std::fabs(expOf(x) / std::exp(static_cast<double>(x)) - 1));
  }
  check("exponentials", most, 2e-7);
  check("exponential below all", expOf(-1000.f), 0);
}

static void products() {
  for (int64_t m : {1, 5, 23})
    for (int64_t n : {3, 16, 50}) {
      const int64_t k = 37;
      const Array a = random({m, k}, 1), b = random({k, n}, 2);
      Array c = random({m, n}, 3);
      Doubles sum = product(doubles(a), doubles(b), m, k, n);
      for (size_t i = 0; i < sum.size(); i++) sum[i] += c.values[i];
      multiply(m, n, k, {a.values.data(), k, 1}, b.values.data(), n, c.values.data(), n, true);
      check("product " + std::to_string(m) + " x " + std::to_string(n), apart(c, sum), 2e-6);
    }
}

static void norms() {
  const int64_t rows = 70, n = 77;
  const Array x = random({rows, n}, 1), gain = random({n}, 2), bias = random({n}, 3), dy = random({rows, n}, 4);
  const Array epsilon{{1}, {1e-5f}};
  const Reference layer = [&](const Doubles& x) { return norm(x, doubles(gain), doubles(bias), n); };
  const Reference rms = [&](const Doubles& x) { return norm(x, doubles(gain), {}, n); };
  const auto one = run("LayerNorm", {x, gain, bias, epsilon});
  check("layer norm", apart(one[0], layer(doubles(x))), 5e-6);
  const Array few = random({2, n}, 5), up = random({2, n}, 6);
  const auto of = run("LayerNorm", {few, gain, bias, epsilon});
  check("gradient of layer norm", apart(run("LayerNormGradient", {few, gain, of[1], up})[0], slopes(layer, few, up)), 2e-5);
  const auto two = run("RmsNorm", {x, gain, epsilon});
  check("RMS norm", apart(two[0], rms(doubles(x))), 5e-6);
  const auto scales = run("RmsNorm", {few, gain, epsilon})[1];
  check("gradient of RMS norm", apart(run("RmsNormGradient", {few, gain, scales, up})[0], slopes(rms, few, up)), 2e-5);
  Doubles sums(static_cast<size_t>(n));
  for (size_t i = 0; i < dy.values.size(); i++) sums[i % n] += dy.values[i];
  check("sums of columns", apart(run("ColumnSums", {dy})[0], sums), 1e-5);
  check("gradient of a norm's bias", apart(run("LayerNormGradient", {x, gain, one[1], dy})[2], sums), 1e-5);
}

static void sizes() {
  const Array x = random({6, 10}, 1), dy = random({6, 10}, 2), wide = random({10}, 3), tall = random({6}, 4);
  const Array one{{1}, {1e-5f}}, pairs = random({6, 2}, 5), turns = random({3, 2, 2}, 6), rate{{2}, {0.5f, 0}};
  const Indices kind{0}, six{0, 1, 2, 2, 1, 0};
  refusesShorter("LayerNorm", {x, wide, wide, one});
  refusesShorter("LayerNormGradient", {x, wide, pairs, dy});
  refusesShorter("RmsNorm", {x, wide, one});
  refusesShorter("RmsNormGradient", {x, wide, tall, dy});
  refusesShorter("Rotate", {x, turns}, {six, {2, 0, 2}});
  for (const Indices& how : {Indices{3, 0, 2}, Indices{-1, 0, 2}, Indices{2, 0, -2}, Indices{1 << 30, 0, 2}})
    refuses("heads that a row has not", Failure::fit, [&] { run("Rotate", {x, turns}, {six, how}); });
  refusesShorter("Activation", {x}, {kind});
  refusesShorter("ActivationGradient", {x, dy}, {kind});
  refusesShorter("Gated", {x, dy}, {kind});
  refusesShorter("GatedGradient", {x, dy, dy}, {kind});
  refusesShorter("Dropout", {x, rate}, {{7}});
  refusesShorter("LogSoftmaxGradient", {x, dy}, {{1}}, {0});
  refusesShorter("EntropyGradient", {x, tall});
  refusesShorter("RowKl", {x, dy});
  refusesShorter("RowKlGradientP", {x, dy, tall});
  refusesShorter("RowKlGradientQ", {x, dy, tall});
  refusesShorter("Embed", {x, dy}, {six, six});
  refusesShorter("EmbedGradient", {x}, {six, six, {3, 3}});
  refusesShorter("ScatterRows", {x}, {six, {3}});
  refusesShorter("Pick", {x}, {six, six});
  refusesShorter("PickGradient", {tall}, {six, six, {6, 10}});
  refusesShorter("SegmentSum", {tall}, {six, {3}});
  refusesShorter("Combine", {x, dy, dy, {{3}, {0.5f, -2, 1}}});
  refusesShorter("Adam", {x, dy, dy, dy, random({9}, 7)});
  refuses("rows of less than none", Failure::fit, [&] { run("ScatterRows", {array({0, 10})}, {{}, {-1}}); });
}

static void pointwise() {
  const Array x = random({9, 31}, 1), up = random({9, 31}, 2), weights = random({9, 31}, 3);
  for (int kind = 0; kind < 4; kind++) {
    const std::string name = "activation " + std::to_string(kind);
    const Reference f = [&](const Doubles& x) { return each(x, [&](double v) { return activated(kind, 3 * v); }); };
    Array wide = x;
    for (float& value : wide.values) value *= 3;
    check(name, apart(run("Activation", {wide}, {{kind}})[0], f(doubles(x))), 1e-6);
    Doubles slope = slopes(f, x, weights);
    for (double& value : slope) value /= 3;
    check("gradient of " + name, apart(run("ActivationGradient", {wide, weights}, {{kind}})[0], slope), 3e-6);
    Doubles gatedValues = f(doubles(x));
    for (size_t i = 0; i < gatedValues.size(); i++) gatedValues[i] *= up.values[i];
    check("gate of " + name, apart(run("Gated", {wide, up}, {{kind}})[0], gatedValues), 1e-6);
    const auto back = run("GatedGradient", {wide, up, weights}, {{kind}});
    for (size_t i = 0; i < slope.size(); i++) slope[i] *= up.values[i];
    check("gradient of gate of " + name, apart(back[0], slope), 3e-6);
  }
  Doubles dropped;
  Draw draw(7);
  for (float value : x.values) dropped.push_back(draw.next() < 0.25 ? 0 : value / 0.75);
  check("dropout", apart(run("Dropout", {x, {{2}, {0.25f, 0}}}, {{7}})[0], dropped), 1e-6);
  const Array rows = random({5, 10}, 4), turns = random({3, 2, 2}, 5);
  const Indices positions{2, 0, 2, 1, 1};
  Doubles turned = doubles(rows);
  for (int i = 0; i < 5; i++)
    for (int head = 0; head < 2; head++)
      for (int j = 0; j < 2; j++) {
        const float *turn = &turns.values[positions[i] * 4 + 2 * j], *from = &rows.values[i * 10 + head * 4 + j];
        turned[i * 10 + head * 4 + j] = static_cast<double>(from[0]) * turn[0] - static_cast<double>(from[2]) * turn[1];
        turned[i * 10 + head * 4 + j + 2] = static_cast<double>(from[2]) * turn[0] + static_cast<double>(from[0]) * turn[1];
      }
  check("rotation", apart(run("Rotate", {rows, turns}, {positions, {2, 0, 2}})[0], turned), 1e-6);
  refuses("a position beyond the end", Failure::range, [&] { run("Rotate", {rows, turns}, {{2, 0, 3, 1, 1}, {2, 0, 2}}); });
}

static void distributions() {
  const int64_t rows = 40, n = 77;
  const Array x = random({rows, n}, 1), few = random({2, n}, 2), up = random({2, n}, 3), one = random({2}, 4);
  const Reference log = [&](const Doubles& x) { return logSoftmaxed(x, n); };
  check("log-softmax", apart(run("LogSoftmax", {x}, {{}})[0], log(doubles(x))), 2e-6);
  const Array p = run("LogSoftmax", {few}, {{}})[0], q = run("LogSoftmax", {random({2, n}, 5)}, {{}})[0];
  check("gradient of log-softmax", apart(run("LogSoftmaxGradient", {p, up}, {{}})[0], slopes(log, few, up)), 5e-6);
  const auto summed = [&](const std::function<double(double, double)>& f) {
    return [=](const Doubles& p) {
      Doubles sums(2);
      for (size_t i = 0; i < p.size(); i++) sums[i / n] += f(p[i], q.values[i]);
      return sums;
    };
  };
  const Reference entropy = summed([](double p, double) { return -std::exp(p) * p; });
  const Reference kl = summed([](double p, double q) { return std::exp(p) * (p - q); });
  check("entropy", apart(run("Entropy", {p})[0], entropy(doubles(p))), 2e-6);
  check("gradient of entropy", apart(run("EntropyGradient", {p, one})[0], slopes(entropy, p, one)), 2e-6);
  check("KL", apart(run("RowKl", {p, q})[0], kl(doubles(p))), 2e-6);
  check("gradient of KL", apart(run("RowKlGradientP", {p, q, one})[0], slopes(kl, p, one)), 2e-6);
  refuses("a masked column beyond the end", Failure::range, [&] { run("LogSoftmax", {x}, {{77}}); });
}

static void rows() {
  const int64_t n = 19;
  const Array x = random({6, n}, 1), places = random({3, n}, 2), dy = random({4, n}, 3);
  const Indices index{5, 0, 5, 2}, at{0, 2, 1, 1};
  Doubles gathered, embedded, scattered(static_cast<size_t>(6 * n));
  for (int i = 0; i < 4; i++)
    for (int c = 0; c < n; c++) {
      gathered.push_back(x.values[index[i] * n + c]);
      embedded.push_back(static_cast<double>(x.values[index[i] * n + c]) + places.values[at[i] * n + c]);
      scattered[index[i] * n + c] += dy.values[i * n + c];
    }
  check("rows gathered", apart(run("GatherRows", {x}, {index})[0], gathered), 0);
  check("rows embedded", apart(run("Embed", {x, places}, {index, at})[0], embedded), 1e-6);
  check("rows scattered", apart(run("ScatterRows", {dy}, {index, {6}})[0], scattered), 1e-6);
  check("gradient of an embedding", apart(run("EmbedGradient", {dy}, {index, at, {6, 3}})[0], scattered), 1e-6);
  check("element", std::fabs(run("Pick", {x}, {{3}, {4}})[0].values[0] - x.values[3 * n + 4]), 0);
  for (int beyond : {-1, 6}) {
    refuses("a row beyond the end", Failure::range, [&] { run("GatherRows", {x}, {{beyond}}); });
    refuses("a row scattered beyond the end", Failure::range, [&] { run("ScatterRows", {dy}, {{0, 1, beyond, 2}, {6}}); });
    refuses("a token beyond the end", Failure::range, [&] { run("Embed", {x, places}, {{beyond}, {0}}); });
  }
}

static void parameters() {
  const Array p = random({300, 301}, 1), g = random({300, 301}, 2), m = random({300, 301}, 3), s = random({300, 301}, 4);
  Array v = s;
  for (float& value : v.values) value *= value;
  Doubles sum, next;
  double squares = 0;
  for (size_t i = 0; i < p.values.size(); i++) {
    sum.push_back(0.5 * p.values[i] - 2.0 * g.values[i]);
    squares += static_cast<double>(p.values[i]) * p.values[i];
    const double one = 0.9 * m.values[i] + 0.1 * g.values[i], two = 0.99 * v.values[i] + 0.01 * g.values[i] * g.values[i];
    next.push_back(0.999 * p.values[i] - 0.1 * one / (std::sqrt(two * 2) + 1e-2));
  }
  const Array factors{{2}, {0.5f, -2}}, few = random({2}, 5);
  const std::vector<Array> sums = run("Combine", {few, few, p, g, factors});
  check("combination", apart(sums[1], sum), 1e-6);
  check("combination of few", apart(sums[0], {-1.5 * few.values[0], -1.5 * few.values[1]}), 1e-6);
  refuses("sums of other sizes", Failure::fit, [&] { run("Combine", {p, few, factors}); });
  const Array both = run("Squares", {p})[0];
  check("sum of squares", std::fabs((static_cast<double>(both.values[0]) + both.values[1]) / squares - 1), 1e-12);
  const Array rates{{11}, {0.9f, 0.1f, 0.99f, 0.01f, 0.1f, 2, 1e-2f, 1, 1, 0.999f, -1}};
  Array turned = g;
  for (float& value : turned.values) value = -value;
  const Array zero = array({3});
  const std::vector<Array> updated = run("Adam", {zero, zero, zero, zero, p, turned, m, v, rates});
  check("AdamW", apart(updated[3], next), 2e-6);
  check("AdamW of nothing", apart(updated[0], {0, 0, 0}), 0);
  refuses("an update of other sizes", Failure::fit, [&] { run("Adam", {zero, zero, zero, few, p, g, m, v, rates}); });
}

// Two trees: a chain of three, and one that branches behind two: 0 - 1 - {2 - 3, 4}.
static const Indices parents{-1, 0, 1, -1, 3, 4, 5, 4}, depths{0, 1, 2, 0, 1, 2, 3, 2}, trees{0, 3, 3, 3, 8, 2};

static Doubles attended(const Doubles& qkv, int heads, int keyHeads, int d) {
  const int row = (heads + 2 * keyHeads) * d, nodes = static_cast<int>(parents.size());
  Doubles out(static_cast<size_t>(nodes * heads * d));
  for (int i = 0; i < nodes; i++)
    for (int head = 0; head < heads; head++) {
      const int key = (heads + head * keyHeads / heads) * d, value = key + keyHeads * d;
      double sum = 0;
      for (int j = i; j >= 0; j = parents[j]) {
        double score = 0;
        for (int c = 0; c < d; c++) score += qkv[i * row + head * d + c] * qkv[j * row + key + c] / std::sqrt(double(d));
        sum += std::exp(score);
        for (int c = 0; c < d; c++) out[(i * heads + head) * d + c] += std::exp(score) * qkv[j * row + value + c];
      }
      for (int c = 0; c < d; c++) out[(i * heads + head) * d + c] /= sum;
    }
  return out;
}

static void attentions() {
  const int heads = 4, keyHeads = 2, d = 5;
  const Array qkv = random({8, (heads + 2 * keyHeads) * d}, 1), dy = random({8, heads * d}, 2), none{{2}, {0, 0}};
  const Indices how{heads, keyHeads, 0};
  const Reference reference = [&](const Doubles& x) { return attended(x, heads, keyHeads, d); };
  const auto forward = [&](const Indices& parents, const Indices& depths, const Indices& trees) {
    return run("Attention", {qkv, none}, {parents, depths, trees, how});
  };
  const auto found = forward(parents, depths, trees);
  check("attention", apart(found[0], reference(doubles(qkv))), 2e-6);
  refusesShorter("Attention", {qkv, none}, {parents, depths, trees, how});
  const auto back = [&](const Array& weights) {
    return run("AttentionGradient", {qkv, weights, dy, none}, {parents, depths, trees, how});
  };
  check("gradient of attention", apart(back(found[1])[0], slopes(reference, qkv, dy)), 1e-5);
  refusesShorter("AttentionGradient", {qkv, found[1], dy, none}, {parents, depths, trees, how});
  refuses("weights of another forest", Failure::fit, [&] { back(dy); });
  const auto changed = [](Indices list, size_t at, int32_t value) {
    list[at] = value;
    return list;
  };
  for (int parent : {-1, 6, 8, 1 << 30})
    refuses("a parent that is none", Failure::range, [&] { forward(changed(parents, 6, parent), depths, trees); });
  refuses("a depth that no parents have", Failure::range, [&] { forward(parents, changed(depths, 6, 1 << 30), trees); });
  for (int end : {-1, 2, 9, 1 << 30})
    refuses("a tree beyond the end", Failure::range, [&] { forward(parents, depths, changed(trees, 4, end)); });
  for (int trunk : {-1, 6, 1 << 30})
    refuses("a trunk beyond its tree", Failure::range, [&] { forward(parents, depths, changed(trees, 5, trunk)); });
  refuses("a tree that begins elsewhere", Failure::range, [&] { forward(parents, depths, changed(trees, 3, 0)); });
  refuses("nodes without parents", Failure::fit, [&] { forward({-1}, depths, trees); });
}

// A decoder of one block and one step before: rows continue prompts of two and three tokens.
struct Decoding {
  int gatedBy, rows = 11, width = 12, vocabulary = 21, heads = 2, keyHeads = 1, d = 6, inner = 18;
  std::vector<Array> floats;
  std::vector<Indices> indices;

  explicit Decoding(bool llama) : gatedBy(llama ? 16 : 0) {
    const int row = (heads + 2 * keyHeads) * d;
    const auto add = [&](std::vector<int64_t> shape) { floats.push_back(random(shape, static_cast<uint32_t>(floats.size()))); };
    add({vocabulary, width});
    if (!llama) add({9, width});
    for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
             {width}, {width, row}, {heads * d, width}, {width}, {width, llama ? inner : 0}, {width, inner}, {inner, width}, {width}, {width, vocabulary}}) {
      if (shape.back() == 0) continue;
      add(shape);
      if (!llama && shape != std::vector<int64_t>{width, vocabulary}) add({shape.back()});
    }
    add({5, row});
    add({1, 3, 2 * keyHeads * d});
    Array numbers{{}, {1e-5f, 0.4f, 1e-5f, 1e-5f}};
    const int half = llama ? d / 2 : 0;
    for (float value : random({rows, half, 2}, 99).values) numbers.values.push_back(value);
    floats.push_back(numbers);
    Indices tokens, positions, prompts, chains;
    for (int i = 0; i < rows; i++) {
      tokens.push_back(i * 7 % vocabulary);
      positions.push_back(i % 9);
      prompts.push_back(i % 2 ? 2 : 0);
      prompts.push_back(i % 2 ? 3 : 2);
      chains.push_back(i % 3);
    }
    const Indices how{width, 1, 1, half, llama ? 0 : 1 | 4, heads, keyHeads, llama ? 3 : 0, llama ? 16 : 1 | 2 | 4 | 8 | 64 | 128};
    indices = {tokens, positions, prompts, chains, {2}, how};
  }

  std::vector<Array> found() const { return run("Decode", floats, indices); }

  Doubles expected() const {
    const bool llama = gatedBy != 0;
    const int row = (heads + 2 * keyHeads) * d, half = d / 2;
    size_t at = 0;
    const auto next = [&] { return doubles(floats[at++]); };
    const auto bias = [&] { return llama ? Doubles{} : next(); };
    const Doubles table = next(), places = bias();
    Doubles x;
    for (int i = 0; i < rows; i++)
      for (int c = 0; c < width; c++)
        x.push_back(table[indices[0][i] * width + c] + (llama ? 0 : places[indices[1][i] * width + c]));
    const auto normed = [&](const Doubles& x) {
      const Doubles gain = next();
      return norm(x, gain, bias(), width);
    };
    const auto times = [&](const Doubles& x, int k, int n) {
      const Doubles weight = next();
      return product(x, weight, rows, k, n, bias());
    };
    Doubles qkv = times(normed(x), width, row);
    const Array &numbers = floats.back(), &step = floats[floats.size() - 2], &opening = floats[floats.size() - 3];
    for (int i = 0; llama && i < rows; i++)
      for (int head = 0; head < heads + keyHeads; head++)
        for (int j = 0; j < half; j++) {
          const float* turn = &numbers.values[4 + (i * half + j) * 2];
          double &a = qkv[i * row + head * d + j], &b = qkv[i * row + head * d + half + j];
          const double old = a;
          a = old * turn[0] - b * turn[1];
          b = b * turn[0] + old * turn[1];
        }
    Doubles mixed;
    for (int i = 0; i < rows; i++)
      for (int head = 0; head < heads; head++) {
        std::vector<Doubles> keys;  // keys and values
        const int from = heads * d;
        for (int j = 0; j < indices[2][2 * i + 1]; j++) {
          const float* of = &opening.values[(indices[2][2 * i] + j) * row + from];
          keys.emplace_back(of, of + 2 * keyHeads * d);
        }
        const float* of = &step.values[indices[3][i] * 2 * keyHeads * d];
        keys.emplace_back(of, of + 2 * keyHeads * d);
        keys.emplace_back(&qkv[i * row + from], &qkv[i * row + from] + 2 * keyHeads * d);
        Doubles mix(static_cast<size_t>(d));
        double sum = 0;
        for (const Doubles& key : keys) {
          double score = 0;
          for (int c = 0; c < d; c++) score += qkv[i * row + head * d + c] * key[c] * numbers.values[1];
          sum += std::exp(score);
          for (int c = 0; c < d; c++) mix[c] += std::exp(score) * key[keyHeads * d + c];
        }
        for (double value : mix) mixed.push_back(value / sum);
      }
    const auto add = [&](const Doubles& more) {
      for (size_t i = 0; i < x.size(); i++) x[i] += more[i];
    };
    add(times(mixed, heads * d, width));
    const Doubles normal = normed(x);
    const Doubles gate = llama ? times(normal, width, inner) : Doubles{};
    Doubles up = times(normal, width, inner);
    for (size_t i = 0; i < up.size(); i++) up[i] = llama ? activated(3, gate[i]) * up[i] : activated(0, up[i]);
    add(times(up, inner, width));
    const Doubles last = normed(x);
    Doubles logits = product(last, next(), rows, width, vocabulary);
    for (int i = 0; i < rows; i++) logits[i * vocabulary + 2] = -1e9;
    return logSoftmaxed(logits, vocabulary);
  }
};

static void decoding() {
  for (bool llama : {false, true}) {
    const Decoding good(llama);
    const std::string name = llama ? " of gates and turns" : "";
    const std::vector<Array> whole = good.found();
    check("step of a decoder" + name, apart(whole[0], good.expected()), 2e-5);
    // A row alone is the same to the bit.
    Decoding alone = good;
    alone.rows = 1;
    for (size_t i : {0, 1, 3}) alone.indices[i].resize(1);
    alone.indices[2].resize(2);
    alone.floats.back().values.resize(4 + static_cast<size_t>(good.indices[5][3]) * 2);
    const Array one = alone.found()[0];
    double differing = 0;
    for (size_t i = 0; i < one.values.size(); i++) differing += one.values[i] != whole[0].values[i];
    check("row alone" + name, differing, 0);
  }
  const auto changed = [](size_t list, size_t at, int32_t value) {
    Decoding decoding(false);
    decoding.indices[list][at] = value;
    return decoding;
  };
  const char* names[] = {"a token", "a position", "a prompt", "an ancestor", "a masked token"};
  for (size_t list = 0; list < 5; list++)
    for (int beyond : {-1, 21, 1 << 30})
      refuses(names[list] + std::string(" beyond the end"), Failure::range, [&] { changed(list, 0, beyond).found(); });
  refuses("a prompt that is too long", Failure::range, [&] { changed(2, 1, 6).found(); });
  for (size_t at = 0; at < 9; at++)
    refuses("a decoder that its weights do not fit", Failure::fit, [&] {
      Decoding decoding(false);
      decoding.indices[5][at] += at == 7 ? 0 : 1;
      if (at == 7) decoding.floats.pop_back();
      decoding.found();
    });
  for (size_t i = 0; i + 1 < Decoding(false).floats.size(); i++)
    refuses("a tensor that is too short", Failure::fit, [&] {
      Decoding decoding(false);
      decoding.floats[i].values.pop_back();
      decoding.found();
    });
}

int main() {
  exponentials();
  products();
  norms();
  sizes();
  pointwise();
  distributions();
  rows();
  parameters();
  attentions();
  decoding();
  std::printf("%d failed\n", failures);
  return failures > 0;
}
