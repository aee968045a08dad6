// What every kernel test needs: errors in ULP, walks over bit patterns, arrays
// that end at a guard page, a loop over the instruction sets of this CPU, tasks
// in another order, and gradients against finite differences.
#ifndef POLARIZE_TESTS_SUPPORT_KERNEL_TESTING_H_
#define POLARIZE_TESTS_SUPPORT_KERNEL_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// |actual - exact| in units in the last place of `exact` as a float32 (the
// spacing of floats around it; denormals have the spacing of the smallest one).
// 0 if both are NaN or round to the same infinity, infinite if only one does.
double UlpError(float actual, double exact);

// About `count` floats from lo to hi (both included, lo <= hi), evenly spaced
// in their bit patterns and not in their values: every magnitude is visited,
// from denormals to the largest.
std::vector<float> FloatsBetween(float lo, float hi, size_t count);

// Runs `body` once per instruction set that was compiled and that this CPU has,
// with the kernels pinned to it; failures inside name it. Unpins afterwards.
void ForEachTarget(absl::FunctionRef<void()> body);

// Memory between inaccessible pages, so that a read or write outside ends the
// test. Owned here; see GuardedArray.
class GuardedBytes {
 public:
  // `bytes` usable bytes that start `offset` bytes after a 64-byte line and end
  // close before the inaccessible page (at it, where alignment permits).
  GuardedBytes(size_t bytes, size_t offset);
  ~GuardedBytes();
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  void* data() const { return data_; }

 private:
  void* map_;
  size_t map_size_;
  void* data_;
};

// n elements of T, the last one right before an inaccessible page whenever
// (n * sizeof(T)) makes the wanted misalignment fall so. `misalign` is in
// elements: where the array starts after a 64-byte line.
template <typename T>
class GuardedArray {
 public:
  explicit GuardedArray(size_t n, size_t misalign = 0)
      : bytes_(n * sizeof(T), misalign * sizeof(T)), n_(n) {}
  T* data() { return static_cast<T*>(bytes_.data()); }
  const T* data() const { return static_cast<const T*>(bytes_.data()); }
  size_t size() const { return n_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + n_; }

 private:
  GuardedBytes bytes_;
  size_t n_;
};

// Tasks from the last to the first, as threads might run them.
class ReversedFor : public ParallelFor {
 public:
  void Run(size_t tasks, absl::FunctionRef<void(size_t)> task) override {
    for (size_t i = tasks; i-- > 0;) task(i);
  }
};

// |gradient - slopes| / |slopes| in the Euclidean norm, 0 if they are equal.
// slopes: fourth-order central differences of objective() in each of the n
// elements of x, which are put back.
double GradientError(double* x, const double* gradient, size_t n,
                     absl::FunctionRef<double()> objective);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_KERNEL_TESTING_H_
