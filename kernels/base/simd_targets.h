// Which instruction sets the kernels are compiled for. Every .cc that includes
// hwy/foreach_target.h includes this file first.
//
// Compiled on x86-64: SSE2 (runs everywhere), AVX2 and AVX3 (AVX-512). Left
// out: SSSE3 and SSE4 (no CPU without AVX2 is worth a build), AVX3_DL,
// AVX3_ZEN4 and AVX3_SPR (they add no float32 instruction that a kernel uses,
// so they would only double the build). Other architectures keep Highway's own
// choice.
//
// A file that multiplies bfloat16 defines POLARIZE_BF16_TARGETS before it
// includes this one, and is compiled for AVX3_ZEN4 and AVX3_SPR as well.
//
// Define POLARIZE_FEW_TARGETS to drop AVX3 as well: the sanitizer build does.
#ifndef POLARIZE_KERNELS_BASE_SIMD_TARGETS_H_
#define POLARIZE_KERNELS_BASE_SIMD_TARGETS_H_

#ifdef POLARIZE_FEW_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR)
#elif defined(POLARIZE_BF16_TARGETS)
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#else
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR)
#endif

#endif  // POLARIZE_KERNELS_BASE_SIMD_TARGETS_H_
