// The kernels outside of TensorFlow: tensors are vectors, threads are pieces in reverse order, and failures are caught.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#define MOFT_KERNELS kernelsHere
#include "../../../stages/backend/kernels/kernels.cc"

enum class Failure { memory, range, fit };

namespace moft {
void runPieces(int64_t pieces, void (*piece)(void*, int64_t), void* context) {
  for (int64_t i = pieces; i-- > 0;) piece(context, i);
}
void outOfMemory() { throw Failure::memory; }
void outOfRange() { throw Failure::range; }
void unlike() { throw Failure::fit; }
}  // namespace moft

struct Array {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

typedef std::vector<int32_t> Indices;

inline Array array(std::vector<int64_t> shape) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  return {shape, std::vector<float>(static_cast<size_t>(size))};
}

// Numbers that look random, in [-1, 1).
inline Array random(std::vector<int64_t> shape, uint32_t seed) {
  Array made = array(shape);
  Draw draw(seed);
  for (float& value : made.values) value = static_cast<float>(2 * draw.next() - 1);
  return made;
}

class PlainCall final : public moft::Call {
 public:
  PlainCall(std::vector<Array> floats, std::vector<Indices> indices) : floats_(floats), indices_(indices) {}
  int count() const override { return static_cast<int>(floats_.size() + indices_.size()); }
  const float* floats(int i) const override { return floats_.at(i).values.data(); }
  const int32_t* indices(int i) const override { return indices_.at(i - floats_.size()).data(); }
  int64_t size(int i) const override {
    const size_t at = static_cast<size_t>(i);
    return static_cast<int64_t>(at < floats_.size() ? floats_[at].values.size() : indices_.at(at - floats_.size()).size());
  }
  int64_t dim(int i, int axis) const override { return floats_.at(i).shape.at(axis); }
  float* result(int i, std::initializer_list<int64_t> shape) override { return made(i, shape); }
  float* resultLike(int i, int input) override { return made(i, floats_.at(input).shape); }

  std::vector<Array> outputs{6};

 private:
  float* made(int i, std::vector<int64_t> shape) {
    outputs[i] = array(shape);
    // What a kernel leaves out shows.
    for (float& value : outputs[i].values) value = NAN;
    return outputs[i].values.data();
  }
  std::vector<Array> floats_;
  std::vector<Indices> indices_;
};

inline std::vector<Array> run(const char* name, std::vector<Array> floats, std::vector<Indices> indices = {}) {
  PlainCall call(floats, indices);
  const moft::Kernels all = moft::kernelsHere();
  for (int i = 0; i < all.count; i++)
    if (std::string(all.list[i].name) == std::string("Moft") + name) {
      all.list[i].body(call);
      return call.outputs;
    }
  std::printf("there is no kernel %s\n", name);
  std::exit(2);
}

inline int failures = 0;

// `found` is at most `most`, and a number.
inline void check(const std::string& name, double found, double most) {
  const bool good = found <= most;
  if (!good) failures++;
  std::printf("%s %s: %.3g of %.3g\n", good ? "ok" : "FAILED", name.c_str(), found, most);
}

inline void refuses(const std::string& name, Failure expected, std::function<void()> body) {
  try {
    body();
  } catch (Failure found) {
    return check(name, found == expected ? 0 : 1, 0);
  }
  check(name + " (it ran)", 1, 0);
}

// Each input but the first, and each list of indices but those of `any` length, made one shorter: what does not fit is
// refused, and nothing is read beside it.
inline void refusesShorter(const char* kernel, std::vector<Array> floats, std::vector<Indices> indices = {},
                           std::initializer_list<size_t> any = {}) {
  const auto refused = [&](const std::string& what, std::function<void()> body) {
    bool found = false;
    try {
      body();
    } catch (Failure) {
      found = true;
    }
    check(kernel + (" with fewer " + what), found ? 0 : 1, 0);
  };
  for (size_t i = 1; i < floats.size(); i++) {
    std::vector<Array> fewer = floats;
    std::vector<int64_t> shape = fewer[i].shape;
    shape.back()--;
    fewer[i] = array(shape);
    refused("of input " + std::to_string(i), [&] { run(kernel, fewer, indices); });
  }
  for (size_t i = 0; i < indices.size(); i++) {
    if (std::count(any.begin(), any.end(), i)) continue;
    std::vector<Indices> fewer = indices;
    fewer[i].pop_back();
    refused("indices " + std::to_string(i), [&] { run(kernel, floats, fewer); });
  }
}

// Largest difference, of an element or relative to it where it is beyond 1.
inline double apart(const Array& found, const std::vector<double>& expected) {
  if (found.values.size() != expected.size()) return INFINITY;
  double most = 0;
  for (size_t i = 0; i < expected.size(); i++) {
    const double error = std::fabs(found.values[i] - expected[i]) / std::fmax(1, std::fabs(expected[i]));
    if (!(error <= most)) most = error;
  }
  return most;
}

// Gradient of sum(weights * f(x)) by central differences of a reference in double precision.
typedef std::function<std::vector<double>(const std::vector<double>&)> Reference;
inline std::vector<double> slopes(const Reference& f, const Array& x, const Array& weights) {
  std::vector<double> at(x.values.begin(), x.values.end()), found;
  const auto sum = [&] {
    const std::vector<double> y = f(at);
    double total = 0;
    for (size_t i = 0; i < y.size(); i++) total += weights.values[i] * y[i];
    return total;
  };
  for (double& element : at) {
    const double middle = element, step = 1e-5;
    element = middle + step;
    const double above = sum();
    element = middle - step;
    found.push_back((above - sum()) / (2 * step));
    element = middle;
  }
  return found;
}
