// Every vector function of this folder.
#if defined(POLARIZE_KERNELS_MATH_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLARIZE_KERNELS_MATH_MATH_INL_H_
#undef POLARIZE_KERNELS_MATH_MATH_INL_H_
#else
#define POLARIZE_KERNELS_MATH_MATH_INL_H_
#endif

#include "kernels/math/array-inl.h"
#include "kernels/math/elu-inl.h"
#include "kernels/math/erf-inl.h"
#include "kernels/math/exp-double-inl.h"
#include "kernels/math/exp-inl.h"
#include "kernels/math/gelu-inl.h"
#include "kernels/math/log-inl.h"
#include "kernels/math/reduce-inl.h"
#include "kernels/math/sigmoid-inl.h"
#include "kernels/math/sum-inl.h"

#endif  // POLARIZE_KERNELS_MATH_MATH_INL_H_
