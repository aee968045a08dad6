// Means, quantiles and intervals of a quantity over runs. NaN is a value that a
// run does not have: it is left out.
#ifndef POLARIZE_TOOLS_SWEEPS_STATISTICS_H_
#define POLARIZE_TOOLS_SWEEPS_STATISTICS_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace polarize {

// Ascending, without NaN.
std::vector<double> Sorted(std::vector<double> values);

// NaN without values. The values' order does not change a bit.
double Mean(std::vector<double> values);

// As numpy.quantile has it: between neighbours of the sorted values, of which
// there is one or more, as far as `part`, 0 to 1, is between them.
double Quantile(const std::vector<double>& sorted, double part);

// The 95 % percentile interval of the mean's bootstrap: of the means of
// `resamples` draws with replacement. NaN of fewer than two values. Equal
// values and seeds give equal bits, on any machine.
std::pair<double, double> BootstrapInterval(std::vector<double> values,
                                            size_t resamples, uint64_t seed);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_SWEEPS_STATISTICS_H_
