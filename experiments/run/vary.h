// The axes of a grid of runs, each a field of the runs' configs with its values
// (VaryConfig).
#ifndef POLARIZE_EXPERIMENTS_RUN_VARY_H_
#define POLARIZE_EXPERIMENTS_RUN_VARY_H_

#include <string>
#include <vector>

#include "protos/vary.pb.h"

namespace polarize {

// The paths that an axis sets, all to the same value.
std::vector<std::string> AxisFields(const VaryConfig& axis);

// Its values, as --set takes them.
std::vector<std::string> AxisValues(const VaryConfig& axis);

// How many values those are; 0 if it breaks a rule.
double AxisSize(const VaryConfig& axis);

// The rules that an axis breaks, each like "model.map: l1 is there twice".
// Whether the values fit the field is for the config to say.
std::vector<std::string> BrokenAxisRules(const VaryConfig& axis);

// Walks over the cells of a grid, the last axis fastest. Without axes there is
// one cell.
class Grid {
 public:
  explicit Grid(std::vector<VaryConfig> axes);

  // Where the cell is on each axis, its value there, and what sets it:
  // "model.map=l1".
  const std::vector<int>& place() const { return place_; }
  std::vector<std::string> Values() const;
  std::vector<std::string> Settings() const;

  // Goes on to the next cell; false after the last.
  bool Next();

 private:
  std::vector<VaryConfig> axes_;
  std::vector<std::vector<std::string>> values_;
  std::vector<int> place_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_VARY_H_
