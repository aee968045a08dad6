// NumPy's exp of float64 arrays, bit for bit, where the CPU has AVX-512.
//
// NumPy 1.22 and later use Intel's SVML there (github.com/numpy/SVML,
// svml_z0_exp_d_la.s), whose last bits differ from those of the C library's
// exp, which NumPy uses elsewhere. The reference's recorded target distribution
// was made with SVML.
//
// Formula: exp(x) = 2^floor(N) 2^(N - floor(N)) exp(r) where N is x / ln 2 cut
// off to four binary digits and r = x - N ln 2 in [0, ln(2) / 16); exp(r) by a
// polynomial of degree 6. Needs -707 < x < 707 (beyond, SVML takes another
// path); NaN gives NaN.
#ifndef POLARIZE_KERNELS_BASE_RANDOM_NUMPY_EXP_H_
#define POLARIZE_KERNELS_BASE_RANDOM_NUMPY_EXP_H_

namespace polarize {

double NumpyExp(double x);

}  // namespace polarize

#endif  // POLARIZE_KERNELS_BASE_RANDOM_NUMPY_EXP_H_
