// What one core can do at best: the roofs under which the kernels work.
#ifndef POLARIZE_TOOLS_BENCH_MACHINE_H_
#define POLARIZE_TOOLS_BENCH_MACHINE_H_

#include <cstddef>

namespace polarize {

// Multiply-adds that one call of the two functions below does.
inline constexpr size_t kPeakMultiplyAdds = 12 << 21;

// Independent fused multiply-adds of float32, in registers, from x[0] to x[11]
// into x[0].
void MultiplyAdds(float* x);

// The same with bfloat16 factors and float32 sums, where the CPU has an
// instruction for it (false otherwise, and nothing is done).
bool BFloat16MultiplyAdds(float* x);

// Sum of x; n a multiple of 256.
float ReadAll(const float* x, size_t n);

// y_i <- a_i + 0.5 b_i; n a multiple of 256.
void Triad(const float* a, const float* b, float* y, size_t n);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_BENCH_MACHINE_H_
