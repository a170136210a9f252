// Arithmetic over whole parameters.
#pragma once
#include <cmath>

#include "norms.h"

namespace {

// x_0, x_1, ..., coefficients -> sum of them
void combine(Call& call) {
  const int terms = call.count() - 1;
  checkSizes(call, {{terms, terms}});
  for (int t = 1; t < terms; t++) checkSizes(call, {{t, call.size(0)}});
  const float* factors = call.floats(terms);
  float* y = call.resultLike(0, 0);
  const Call* inputs = &call;
  parallel(call.size(0), 2 * terms, [=](int64_t from, int64_t to) {
    const float* first = inputs->floats(0);
    for (int64_t i = from; i < to; i++) y[i] = factors[0] * first[i];
    for (int t = 1; t < terms; t++) addScaled(y + from, inputs->floats(t) + from, factors[t], to - from);
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

// parameter, gradient, first, second, {beta1, 1 - beta1, beta2, 1 - beta2, 1 - rate decay, rate / (1 - beta1^t),
// 1 / (1 - beta2^t), epsilon} -> the first three but the gradient anew: AdamW (Loshchilov and Hutter 2019)
void adam(Call& call) {
  const int64_t size = call.size(0);
  checkSizes(call, {{1, size}, {2, size}, {3, size}, {4, 8}});
  const float *p = call.floats(0), *g = call.floats(1), *m = call.floats(2), *v = call.floats(3);
  const float* rates = call.floats(4);
  const float beta1 = rates[0], rest1 = rates[1], beta2 = rates[2], rest2 = rates[3], kept = rates[4];
  const float rate = rates[5], correction = rates[6], epsilon = rates[7];
  float *next = call.resultLike(0, 0), *one = call.resultLike(1, 0), *two = call.resultLike(2, 0);
  parallel(size, 8, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const float first = beta1 * m[i] + rest1 * g[i], second = beta2 * v[i] + rest2 * g[i] * g[i];
      one[i] = first;
      two[i] = second;
      next[i] = kept * p[i] - rate * first / (std::sqrt(second * correction) + epsilon);
    }
  });
}

}  // namespace
