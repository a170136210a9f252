// Arithmetic over whole parameters.
#pragma once
#include <cmath>

#include "norms.h"

namespace {

// f(t, from, to) over parts of groups of `step` tensors of one size, one group after the other: small ones share a thread.
template <class F>
void overTensors(Call& call, int count, int step, int64_t workEach, F f) {
  Several<int64_t> ends(count);
  int64_t* end = ends;
  for (int t = 0; t < count; t++) {
    const int64_t size = call.size(t * step);
    for (int i = 1; i < step; i++) checkSizes(call, {{t * step + i, size}});
    end[t] = size + (t > 0 ? end[t - 1] : 0);
  }
  parallel(count > 0 ? end[count - 1] : 0, workEach, [=](int64_t from, int64_t to) {
    for (int t = 0; t < count; t++) {
      const int64_t start = t > 0 ? end[t - 1] : 0;
      const int64_t first = from > start ? from : start, last = to < end[t] ? to : end[t];
      if (first < last) f(t, first - start, last - start);
    }
  });
}

// Results like every step-th of the inputs, `each` of each.
struct Results {
  Results(Call& call, int count, int step, int each) : at_(int64_t{count} * each) {
    for (int t = 0; t < count * each; t++) at_[t] = call.resultLike(t, t / each * step);
  }
  Several<float*> at_;
};

// Lists of tensors, one after the other, and coefficients -> the sum of each list
void combine(Call& call) {
  const int last = call.count() - 1, terms = static_cast<int>(call.size(last));
  checkFit(terms > 0 && last % terms == 0);
  const float* factors = call.floats(last);
  Results results(call, last / terms, terms, 1);
  float** sums = results.at_;
  const Call* inputs = &call;
  overTensors(call, last / terms, terms, 2 * terms, [=](int list, int64_t from, int64_t to) {
    float* y = sums[list];
    const float* first = inputs->floats(list * terms);
    for (int64_t i = from; i < to; i++) y[i] = factors[0] * first[i];
    for (int t = 1; t < terms; t++) addScaled(y + from, inputs->floats(list * terms + t) + from, factors[t], to - from);
  });
}

// x_0, x_1, ... -> {sum of all squares, what single precision leaves of it}
void squares(Call& call) {
  double total = 0;
  for (int i = 0; i < call.count(); i++) {
    const float* x = call.floats(i);
    double parts[blocks] = {};
    double* sums = parts;
    overBlocks(call.size(i), 2, [=](int64_t first, int64_t last, int64_t block) {
      double sum = 0;
      for (int64_t at = first; at < last; at++) sum += static_cast<double>(x[at]) * x[at];
      sums[block] = sum;
    });
    for (double sum : parts) total += sum;
  }
  float* y = call.result(0, {2});
  y[0] = static_cast<float>(total);
  y[1] = static_cast<float>(total - static_cast<double>(y[0]));
}

struct AdamRates {
  float beta1, rest1, beta2, rest2, rate, correction, epsilon;
};

// Of one parameter. Without the promise that results overlap with nothing, compilers give up on vectors here.
void adamOf(int64_t count, const float* p, const float* g, const float* m, const float* v, float* __restrict next,
            float* __restrict one, float* __restrict two, AdamRates all, float kept, float factor) {
  for (int64_t i = 0; i < count; i++) {
    const float gradient = factor * g[i];
    const float first = all.beta1 * m[i] + all.rest1 * gradient;
    const float second = all.beta2 * v[i] + all.rest2 * gradient * gradient;
    one[i] = first;
    two[i] = second;
    next[i] = kept * p[i] - all.rate * first / (std::sqrt(second * all.correction) + all.epsilon);
  }
}

// Of many parameters, one after the other: parameter, gradient, first, second; and {beta1, 1 - beta1, beta2, 1 - beta2,
// rate / (1 - beta1^t), 1 / (1 - beta2^t), epsilon, of each 1 - rate decay and the gradient's factor} -> parameter, first
// and second of each anew: AdamW (Loshchilov and Hutter 2019)
void adam(Call& call) {
  const int last = call.count() - 1, count = last / 4, common = 7;
  checkFit(last == 4 * count);
  checkSizes(call, {{last, common + 2 * count}});
  const float* rates = call.floats(last);
  const AdamRates all{rates[0], rates[1], rates[2], rates[3], rates[4], rates[5], rates[6]};
  Results results(call, count, 4, 3);
  float** made = results.at_;
  const Call* inputs = &call;
  overTensors(call, count, 4, 8, [=](int t, int64_t from, int64_t to) {
    const auto read = [=](int role) { return inputs->floats(4 * t + role) + from; };
    const auto written = [=](int role) { return made[3 * t + role] + from; };
    const float kept = rates[common + 2 * t], factor = rates[common + 2 * t + 1];
    adamOf(to - from, read(0), read(1), read(2), read(3), written(0), written(1), written(2), all, kept, factor);
  });
}

}  // namespace
