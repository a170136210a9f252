// What every kernel sees: the tensors of a call, threads, and room to work in. Everything here is either declared for
// base.cc or local to a unit, since kernels.cc is compiled once for each set of instructions and linked together.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <initializer_list>

namespace moft {

// Tensors of one call. All are float32 but indices, which are int32 and come last.
class Call {
 public:
  virtual int count() const = 0;  // of inputs
  virtual const float* floats(int input) const = 0;
  virtual const int32_t* indices(int input) const = 0;
  virtual int64_t size(int input) const = 0;
  virtual int64_t dim(int input, int axis) const = 0;
  // Uninitialised.
  virtual float* result(int output, std::initializer_list<int64_t> shape) = 0;
  virtual float* resultLike(int output, int input) = 0;

 protected:
  ~Call() = default;
};

struct Kernel {
  const char* name;
  void (*body)(Call&);
};

struct Kernels {
  const Kernel* list;
  int count;
};

// Calls piece(context, 0), ..., piece(context, pieces - 1) on all threads; returns when all have, and throws what one
// of them threw.
void runPieces(int64_t pieces, void (*piece)(void* context, int64_t i), void* context);

// They end the kernel and make the operation fail.
[[noreturn]] void outOfMemory();
[[noreturn]] void outOfRange();
[[noreturn]] void unlike();

}  // namespace moft

namespace {
using moft::Call;

// f(from, to) over parts of 0..count. What is cheap stays on this thread. Nothing may depend on where parts end.
template <class F>
void parallel(int64_t count, int64_t workEach, F f) {
  const int64_t least = 1 << 15;  // additions or so, that a thread is worth waking for
  int64_t pieces = count * workEach / least;
  if (pieces > 32) pieces = 32;
  if (pieces > count) pieces = count;
  if (pieces < 2) return f(int64_t{0}, count);
  struct Context {
    F* f;
    int64_t count, pieces;
  } context{&f, count, pieces};
  moft::runPieces(
      pieces,
      [](void* at, int64_t i) {
        auto& c = *static_cast<Context*>(at);
        (*c.f)(c.count * i / c.pieces, c.count * (i + 1) / c.pieces);
      },
      &context);
}

// Floats to work in, aligned, uninitialised.
class Space {
 public:
  explicit Space(int64_t size)
      : at_(static_cast<float*>(std::aligned_alloc(64, (static_cast<size_t>(size) * 4 + 127) / 64 * 64))) {
    if (!at_) moft::outOfMemory();
  }
  ~Space() { std::free(at_); }
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;
  operator float*() { return at_; }

 private:
  float* at_;
};

// Room for so many of what needs no destruction, uninitialised.
template <class T>
class Several {
 public:
  explicit Several(int64_t count) : space_((count * static_cast<int64_t>(sizeof(T)) + 3) / 4) {}
  operator T*() { return reinterpret_cast<T*>(static_cast<float*>(space_)); }

 private:
  Space space_;
};

// No kernel reads or writes beside a tensor, whatever it was called with: an input or an axis that is not there is refused
// by the call, a size or an index that leads beside one by the kernel.
inline void checkIndices(const int32_t* indices, int64_t count, int64_t size) {
  for (int64_t i = 0; i < count; i++)
    if (indices[i] < 0 || indices[i] >= size) moft::outOfRange();
}

inline void checkFit(bool fits) {
  if (!fits) moft::unlike();
}

// Elements that an input has to have.
struct Size {
  int input;
  int64_t elements;
};

inline void checkSizes(const Call& call, std::initializer_list<Size> sizes) {
  for (const Size& size : sizes) checkFit(call.size(size.input) == size.elements);
}

}  // namespace
