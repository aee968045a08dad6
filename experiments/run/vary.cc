#include "experiments/run/vary.h"

#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace polarize {

std::vector<std::string> AxisFields(const VaryConfig& axis) {
  return absl::StrSplit(axis.field(), ',');
}

std::vector<std::string> AxisValues(const VaryConfig& axis) {
  std::vector<std::string> values(axis.value().begin(), axis.value().end());
  const double from = axis.log() ? std::log(axis.from()) : axis.from();
  const double to = axis.log() ? std::log(axis.to()) : axis.to();
  for (int i = 0; i < axis.points(); ++i) {
    if (i == 0 || i + 1 == axis.points()) {
      // Both ends exactly.
      values.push_back(
          absl::StrFormat("%.17g", i == 0 ? axis.from() : axis.to()));
      continue;
    }
    const double at = from + (to - from) * i / (axis.points() - 1);
    // 1e-3 between 1e-4 and 1e-2 is to be 0.001, whatever exp and log round.
    values.push_back(absl::StrFormat("%.12g", axis.log() ? std::exp(at) : at));
  }
  return values;
}

double AxisSize(const VaryConfig& axis) {
  if (!BrokenAxisRules(axis).empty()) return 0;
  return axis.value_size() > 0 ? axis.value_size() : axis.points();
}

std::vector<std::string> BrokenAxisRules(const VaryConfig& axis) {
  std::vector<std::string> rules;
  const auto fail = [&](const auto&... rule) {
    rules.push_back(absl::StrCat(rule...));
  };
  const bool listed = axis.value_size() > 0, spaced = axis.points() > 0;
  if (axis.field().empty()) fail("every axis needs a field");
  if (listed == spaced || axis.points() < 0) {
    fail(axis.field(), " needs either values or points above 0");
  }
  if (listed && !spaced && (axis.from() != 0 || axis.to() != 0 || axis.log())) {
    fail(axis.field(), ": from, to and log are for points, not for values");
  }
  if (spaced && axis.log() && !(axis.from() > 0 && axis.to() > 0)) {
    fail(axis.field(), ": from and to must be above 0 if log");
  }
  if (!std::isfinite(axis.from()) || !std::isfinite(axis.to())) {
    fail(axis.field(), ": from and to must be finite");
  }
  std::set<std::string> seen;
  for (const std::string& value : axis.value()) {
    if (!seen.insert(value).second) {
      fail(axis.field(), ": ", value, " is there twice");
    }
  }
  return rules;
}

Grid::Grid(std::vector<VaryConfig> axes)
    : axes_(std::move(axes)), place_(axes_.size(), 0) {
  for (const VaryConfig& axis : axes_) values_.push_back(AxisValues(axis));
}

std::vector<std::string> Grid::Values() const {
  std::vector<std::string> values;
  for (size_t i = 0; i < axes_.size(); ++i) {
    values.push_back(values_[i][static_cast<size_t>(place_[i])]);
  }
  return values;
}

std::vector<std::string> Grid::Settings() const {
  const std::vector<std::string> values = Values();
  std::vector<std::string> settings;
  for (size_t i = 0; i < axes_.size(); ++i) {
    for (const std::string& field : AxisFields(axes_[i])) {
      settings.push_back(absl::StrCat(field, "=", values[i]));
    }
  }
  return settings;
}

bool Grid::Next() {
  for (size_t i = axes_.size(); i-- > 0;) {
    if (++place_[i] < static_cast<int>(values_[i].size())) return true;
    place_[i] = 0;
  }
  return false;
}

}  // namespace polarize
