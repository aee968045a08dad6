#include "experiments/inspect/weights_file.h"

#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/inspect/values.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

double Distance(float a, float b) {
  const double distance = std::abs(double{a} - double{b});
  return std::isnan(distance) ? std::numeric_limits<double>::infinity()
                              : distance;
}

// A tensor that both files have, into what is known so far.
absl::Status AddTensor(const SafetensorsFile& file_a,
                       const SafetensorsFile& file_b, const TensorInfo& tensor,
                       WeightsComparison* result) {
  std::vector<float> a(tensor.elements), b(tensor.elements);
  absl::Status status =
      file_a.ReadWhole(tensor.name, tensor.shape, absl::MakeSpan(a));
  if (status.ok()) {
    status = file_b.ReadWhole(tensor.name, tensor.shape, absl::MakeSpan(b));
  }
  if (!status.ok()) return status;
  ++result->tensors;
  const TensorComparison compared = CompareTensors(a, b);
  if (compared.different == 0) return absl::OkStatus();
  ++result->different;
  const auto at = [&](size_t i) {
    return ElementDifference{tensor.name, tensor.shape, i, a[i], b[i]};
  };
  if (!result->first) result->first = at(compared.first);
  const ElementDifference here = at(compared.largest);
  if (!result->largest ||
      Distance(here.a, here.b) >
          Distance(result->largest->a, result->largest->b)) {
    result->largest = here;
  }
  return absl::OkStatus();
}

}  // namespace

std::string DifferenceText(const ElementDifference& difference) {
  return absl::StrCat(difference.tensor, " ",
                      ElementText(difference.shape, difference.index), ": ",
                      PairText(difference.a, difference.b));
}

TensorComparison CompareTensors(absl::Span<const float> a,
                                absl::Span<const float> b) {
  TensorComparison result;
  double largest = -1;
  for (size_t i = 0; i < a.size(); ++i) {
    if (SameBits(a[i], b[i])) continue;
    if (result.different++ == 0) result.first = i;
    const double distance = Distance(a[i], b[i]);
    if (distance <= largest) continue;
    largest = distance;
    result.largest = i;
  }
  return result;
}

absl::StatusOr<WeightsComparison> CompareWeights(const std::string& path_a,
                                                 const std::string& path_b) {
  const absl::StatusOr<SafetensorsFile> a = SafetensorsFile::Open(path_a);
  if (!a.ok()) return a.status();
  const absl::StatusOr<SafetensorsFile> b = SafetensorsFile::Open(path_b);
  if (!b.ok()) return b.status();
  WeightsComparison result;
  for (const TensorInfo& tensor : a->tensors()) {
    const TensorInfo* const other = b->Find(tensor.name);
    if (other == nullptr || other->shape != tensor.shape) {
      result.other_tensors.push_back(tensor.name);
      continue;
    }
    const absl::Status added = AddTensor(*a, *b, tensor, &result);
    if (!added.ok()) return added;
  }
  for (const TensorInfo& tensor : b->tensors()) {
    if (a->Find(tensor.name) == nullptr) {
      result.other_tensors.push_back(tensor.name);
    }
  }
  return result;
}

}  // namespace polarize
