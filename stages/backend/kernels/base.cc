// Registers the kernels with TensorFlow through its C interface, as the addon is loaded; and threads to run them on.
#include "base.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

namespace moft {

Kernels kernelsPlain();
#ifdef MOFT_X86
Kernels kernelsAvx2();
Kernels kernelsAvx512();
#endif

namespace {

Kernels kernelsHere() {
#ifdef MOFT_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (avx2 && avx512) return kernelsAvx512();
  if (avx2) return kernelsAvx2();
#endif
  return kernelsPlain();
}

// How a thread rounds and whether it flushes denormals, which TensorFlow sets for the thread that calls a kernel.
#if defined(__SSE__)
typedef unsigned int Rounding;
Rounding rounding() { return _mm_getcsr() & ~0x3fu; }  // without the flags of what has happened
void setRounding(Rounding mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
typedef uint64_t Rounding;
Rounding rounding() {
  Rounding mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
void setRounding(Rounding mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
typedef int Rounding;
Rounding rounding() { return 0; }
void setRounding(Rounding) {}
#endif

struct Failure {
  TF_Code code;
  const char* message;
};

// Threads that sleep until there is work. A piece is computed alike by any of them, since all round as the caller does. They end with the process.
class Threads {
 public:
  Threads() {
    const char* given = std::getenv("TF_NUM_INTRAOP_THREADS");
    int count = given ? std::atoi(given) : 0;
    if (count <= 0) count = static_cast<int>(std::thread::hardware_concurrency());
    for (int i = 1; i < count; i++) std::thread([this] { serve(); }).detach();
  }

  void run(int64_t pieces, void (*piece)(void*, int64_t), void* context) {
    std::lock_guard<std::mutex> only(one_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      piece_ = piece;
      context_ = context;
      pieces_ = pieces;
      next_ = 0;
      rounding_ = rounding();
      failure_ = nullptr;
      open_ = true;
      round_++;
    }
    wake_.notify_all();
    work();
    // Who has not come by now need not come.
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = false;
    done_.wait(lock, [this] { return busy_ == 0; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  void work() {
    try {
      for (int64_t i = next_++; i < pieces_; i = next_++) piece_(context_, i);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      failure_ = std::current_exception();
    }
  }

  void serve() {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return open_ && round_ != seen; });
      seen = round_;
      busy_++;
      setRounding(rounding_);
      lock.unlock();
      work();
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex one_, mutex_;
  std::condition_variable wake_, done_;
  std::atomic<int64_t> next_{0};
  uint64_t round_ = 0;
  int busy_ = 0;
  bool open_ = false;
  int64_t pieces_ = 0;
  void (*piece_)(void*, int64_t) = nullptr;
  void* context_ = nullptr;
  Rounding rounding_{};
  std::exception_ptr failure_;
};

// Never destroyed: its threads may outlast the exit of this one.
Threads& threads() {
  static Threads* all = new Threads;
  return *all;
}

constexpr const char* noMemory = "a kernel of moft found no memory";

class TensorFlowCall final : public Call {
 public:
  explicit TensorFlowCall(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {
    inputs_.resize(static_cast<size_t>(TF_NumInputs(context)));
    for (size_t i = 0; i < inputs_.size() && good(); i++)
      TF_GetInput(context, static_cast<int>(i), &inputs_[i], status_);
  }
  ~TensorFlowCall() {
    if (!good()) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor* tensor : inputs_) TF_DeleteTensor(tensor);
    for (TF_Tensor* tensor : outputs_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }
  // What fails is an error of the operation, never the end of the process.
  void run(void (*body)(Call&)) {
    try {
      if (good()) body(*this);
    } catch (const Failure& failure) {
      if (good()) TF_SetStatus(status_, failure.code, failure.message);
    } catch (const std::bad_alloc&) {
      if (good()) TF_SetStatus(status_, TF_RESOURCE_EXHAUSTED, noMemory);
    }
  }
  int count() const override { return static_cast<int>(inputs_.size()); }
  const float* floats(int i) const override { return static_cast<const float*>(TF_TensorData(input(i))); }
  const int32_t* indices(int i) const override { return static_cast<const int32_t*>(TF_TensorData(input(i))); }
  int64_t size(int i) const override { return TF_TensorElementCount(input(i)); }
  int64_t dim(int i, int axis) const override {
    if (axis >= TF_NumDims(input(i))) unlike();
    return TF_Dim(input(i), axis);
  }
  float* result(int i, std::initializer_list<int64_t> shape) override {
    return allocate(i, shape.begin(), static_cast<int>(shape.size()));
  }
  float* resultLike(int i, int input) override {
    std::vector<int64_t> shape;
    for (int axis = 0; axis < TF_NumDims(this->input(input)); axis++) shape.push_back(dim(input, axis));
    return allocate(i, shape.data(), static_cast<int>(shape.size()));
  }

 private:
  TF_Tensor* input(int i) const {
    if (i < 0 || i >= count()) unlike();
    return inputs_[static_cast<size_t>(i)];
  }
  bool good() const { return TF_GetCode(status_) == TF_OK; }
  float* allocate(int i, const int64_t* shape, int rank) {
    size_t bytes = sizeof(float);
    for (int axis = 0; axis < rank; axis++) bytes *= static_cast<size_t>(shape[axis]);
    TF_Tensor* tensor = TF_AllocateOutput(context_, i, TF_FLOAT, shape, rank, bytes, status_);
    if (!tensor || !good()) outOfMemory();
    outputs_.push_back(tensor);
    return static_cast<float*>(TF_TensorData(tensor));
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> inputs_, outputs_;
};

constexpr int most = 48;
Kernels table;

template <int I>
void compute(void*, TF_OpKernelContext* context) {
  TensorFlowCall call(context);
  call.run(table.list[I].body);
}

typedef void (*Compute)(void*, TF_OpKernelContext*);
template <int... I>
const Compute* computes(std::integer_sequence<int, I...>) {
  static const Compute list[] = {compute<I>...};
  return list;
}

void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

// `n` floats and `m` indices to `k` floats.
bool add(const Kernel& kernel, Compute body) {
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(kernel.name);
  for (const char* attribute : {"n: int >= 0", "m: int >= 0", "k: int >= 1"})
    TF_OpDefinitionBuilderAddAttr(op, attribute);
  TF_OpDefinitionBuilderAddInput(op, "x: n * float");
  TF_OpDefinitionBuilderAddInput(op, "i: m * int32");
  TF_OpDefinitionBuilderAddOutput(op, "y: k * float");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, unknownShape);
  TF_Status* status = TF_NewStatus();
  TF_RegisterOpDefinition(op, status);
  if (TF_GetCode(status) == TF_OK)
    TF_RegisterKernelBuilder(kernel.name, TF_NewKernelBuilder(kernel.name, "CPU", nullptr, body, nullptr), status);
  const bool added = TF_GetCode(status) == TF_OK;
  TF_DeleteStatus(status);
  return added;
}

bool addAll() {
  table = kernelsHere();
  const Compute* bodies = computes(std::make_integer_sequence<int, most>());
  bool all = table.count <= most;
  for (int i = 0; all && i < table.count; i++) all = add(table.list[i], bodies[i]);
  return all;
}

const bool added = addAll();

}  // namespace

void outOfMemory() { throw Failure{TF_RESOURCE_EXHAUSTED, noMemory}; }

void outOfRange() { throw Failure{TF_OUT_OF_RANGE, "a kernel of moft got an index beyond the end"}; }

void unlike() { throw Failure{TF_INVALID_ARGUMENT, "a kernel of moft got tensors that do not fit each other"}; }

void runPieces(int64_t pieces, void (*piece)(void*, int64_t), void* context) { threads().run(pieces, piece, context); }

}  // namespace moft
