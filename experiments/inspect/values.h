// How far two numbers are apart, and how messages show them.
#ifndef POLARIZE_EXPERIMENTS_INSPECT_VALUES_H_
#define POLARIZE_EXPERIMENTS_INSPECT_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace polarize {

// The same bits, so that NaN equals itself and 0 does not equal -0.
bool SameBits(float a, float b);
bool SameBits(double a, double b);

// How many floats lie between a and b, b counted: 1 for neighbours, 0 for equal
// values (0 and -0 among them). Of a NaN and anything but its own bits, the
// largest number.
uint64_t UlpsBetween(float a, float b);
uint64_t UlpsBetween(double a, double b);

// The shortest text that reads back as the same number.
std::string ExactText(float value);
std::string ExactText(double value);

// "0.5 and 0.50000006, 1 ulp apart".
std::string PairText(float a, float b);
std::string PairText(double a, double b);

// "[3, 17]": where the element `index` of a row-major tensor lies.
std::string ElementText(absl::Span<const int64_t> shape, size_t index);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INSPECT_VALUES_H_
