#include "experiments/value_softmax/singular_values.h"

#include "Eigen/Core"
#include "Eigen/SVD"

namespace polarize {
namespace {

using Eigen::Dynamic;
using RowMajor = Eigen::Matrix<double, Dynamic, Dynamic, Eigen::RowMajor>;
using ColumnMajor = Eigen::Matrix<double, Dynamic, Dynamic, Eigen::ColMajor>;

}  // namespace

std::vector<double> SingularValues(const double* matrix, size_t rows,
                                   size_t columns, size_t stride) {
  const Eigen::Map<const ColumnMajor, 0, Eigen::OuterStride<>> m(
      matrix, static_cast<Eigen::Index>(rows),
      static_cast<Eigen::Index>(columns),
      Eigen::OuterStride<>(static_cast<Eigen::Index>(stride)));
  const Eigen::JacobiSVD<ColumnMajor> svd(m);
  const auto& values = svd.singularValues();
  return std::vector<double>(values.begin(), values.end());
}

std::vector<double> WithSingularValues(absl::Span<const double> matrix,
                                       size_t rows, size_t columns,
                                       absl::Span<const double> values) {
  const Eigen::Map<const RowMajor> m(matrix.data(),
                                     static_cast<Eigen::Index>(rows),
                                     static_cast<Eigen::Index>(columns));
  const Eigen::JacobiSVD<RowMajor> svd(
      m, Eigen::ComputeThinU | Eigen::ComputeThinV);
  const Eigen::Map<const Eigen::VectorXd> diagonal(
      values.data(), static_cast<Eigen::Index>(values.size()));
  const RowMajor changed =
      svd.matrixU() * diagonal.asDiagonal() * svd.matrixV().transpose();
  return std::vector<double>(changed.data(), changed.data() + changed.size());
}

}  // namespace polarize
