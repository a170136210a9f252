// Rows and elements by index, and back: where an index comes twice, in order, so that sums repeat to the bit.
#pragma once
#include "vectors.h"

namespace {

// to[index[i]] += from[i], rows of n; columns are what threads share out.
inline void scatter(const float* from, const int32_t* index, int64_t count, int64_t rows, int64_t n, float* to) {
  checkIndices(index, count, rows);
  std::memset(to, 0, static_cast<size_t>(rows * n) * 4);
  parallel((n + wide - 1) / wide, count * wide, [=](int64_t first, int64_t last) {
    const int64_t begin = first * wide, end = last * wide < n ? last * wide : n;
    for (int64_t i = 0; i < count; i++) addScaled(to + index[i] * n + begin, from + i * n + begin, 1, end - begin);
  });
}

// table, places | tokens, positions -> rows
void embed(Call& call) {
  const int64_t n = call.dim(0, 1), count = call.size(2);
  checkFit(call.dim(1, 1) == n && call.size(3) == count);
  const float *table = call.floats(0), *places = call.floats(1);
  const int32_t *tokens = call.indices(2), *positions = call.indices(3);
  checkIndices(tokens, count, call.dim(0, 0));
  checkIndices(positions, count, call.dim(1, 0));
  float* y = call.result(0, {count, n});
  parallel(count, 2 * n, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const float *a = table + tokens[i] * n, *b = places + positions[i] * n;
      for (int64_t c = 0; c < n; c++) y[i * n + c] = a[c] + b[c];
    }
  });
}

// dy | tokens, positions, {rows of the table, of the places} -> their gradients
void embedGradient(Call& call) {
  const int64_t count = call.dim(0, 0), n = call.dim(0, 1);
  checkSizes(call, {{1, count}, {2, count}, {3, 2}});
  const int32_t* sizes = call.indices(3);
  checkFit(sizes[0] >= 0 && sizes[1] >= 0);
  scatter(call.floats(0), call.indices(1), count, sizes[0], n, call.result(0, {sizes[0], n}));
  scatter(call.floats(0), call.indices(2), count, sizes[1], n, call.result(1, {sizes[1], n}));
}

// x | rows -> those rows
void gatherRows(Call& call) {
  const int64_t n = call.dim(0, 1), count = call.size(1);
  const float* x = call.floats(0);
  const int32_t* rows = call.indices(1);
  checkIndices(rows, count, call.dim(0, 0));
  float* y = call.result(0, {count, n});
  parallel(count, n, [=](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) std::memcpy(y + i * n, x + rows[i] * n, static_cast<size_t>(n) * 4);
  });
}

// dy | rows, {count} -> (count, n)
void scatterRows(Call& call) {
  checkSizes(call, {{1, call.dim(0, 0)}, {2, 1}});
  const int64_t n = call.dim(0, 1), count = call.indices(2)[0];
  checkFit(count >= 0);
  scatter(call.floats(0), call.indices(1), call.dim(0, 0), count, n, call.result(0, {count, n}));
}

// x | rows, columns -> elements
void pick(Call& call) {
  const int64_t n = call.dim(0, 1), count = call.size(1);
  checkSizes(call, {{2, count}});
  const float* x = call.floats(0);
  const int32_t *rows = call.indices(1), *columns = call.indices(2);
  checkIndices(rows, count, call.dim(0, 0));
  checkIndices(columns, count, n);
  float* y = call.result(0, {count});
  for (int64_t s = 0; s < count; s++) y[s] = x[rows[s] * n + columns[s]];
}

// dy | rows, columns, {shape} -> dx
void pickGradient(Call& call) {
  checkSizes(call, {{1, call.size(0)}, {2, call.size(0)}, {3, 2}});
  const int32_t *rows = call.indices(1), *columns = call.indices(2), *shape = call.indices(3);
  const int64_t n = shape[1], count = call.size(1);
  checkFit(shape[0] >= 0 && n >= 0);
  const float* dy = call.floats(0);
  checkIndices(rows, count, shape[0]);
  checkIndices(columns, count, n);
  float* dx = call.result(0, {shape[0], n});
  parallel(shape[0], n, [=](int64_t from, int64_t to) {
    std::memset(dx + from * n, 0, static_cast<size_t>((to - from) * n) * 4);
  });
  for (int64_t s = 0; s < count; s++) dx[rows[s] * n + columns[s]] += dy[s];
}

// values | segments, {count} -> sums
void segmentSum(Call& call) {
  checkSizes(call, {{1, call.size(0)}, {2, 1}});
  const int64_t count = call.indices(2)[0];
  checkFit(count >= 0);
  scatter(call.floats(0), call.indices(1), call.size(0), count, 1, call.result(0, {count}));
}

// dy | segments -> one for each value
void segmentSumGradient(Call& call) {
  const int64_t count = call.size(1);
  const float* dy = call.floats(0);
  const int32_t* segments = call.indices(1);
  checkIndices(segments, count, call.size(0));
  float* y = call.result(0, {count});
  for (int64_t s = 0; s < count; s++) y[s] = dy[segments[s]];
}

}  // namespace
