// The rules that the values of a config must follow.
#ifndef POLARIZE_EXPERIMENTS_RUN_CONFIG_CHECKER_H_
#define POLARIZE_EXPERIMENTS_RUN_CONFIG_CHECKER_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "experiments/run/config.h"
#include "google/protobuf/message.h"

namespace polarize {

// Collects the broken rules of one loaded config, each a line
// "PLACE: PATH = VALUE: RULE". Paths must exist. A field is reported once:
// rules that come after a broken one for the same field are not looked at, so a
// rule may rely on those before it through Holds().
//
//   ConfigChecker checker(config, places);
//   checker.AtLeast("model.num_heads", 1);
//   if (checker.Holds("model.num_heads") && width % heads != 0) {
//     checker.Fail("model.num_heads", "must divide model.embed_dim");
//   }
//   return checker.status();
class ConfigChecker {
 public:
  // Refers to both for as long as it lives.
  ConfigChecker(const google::protobuf::Message& config,
                const FieldPlaces& places)
      : config_(config), places_(places) {}

  // The number at `path` is finite and at least, or above, a bound; or between
  // two bounds, both allowed; or between two where `end` is not.
  void AtLeast(const std::string& path, double least);
  void Above(const std::string& path, double bound);
  void InRange(const std::string& path, double least, double most);
  void InRangeBelow(const std::string& path, double least, double end);

  // The text at `path` is one of `names`.
  void OneOf(const std::string& path, absl::Span<const std::string_view> names);

  // The value at `path` breaks `rule` ("must be even").
  void Fail(const std::string& path, std::string_view rule);

  // Whether no rule for `path` was broken so far.
  bool Holds(const std::string& path) const { return failed_.count(path) == 0; }

  // InvalidArgument with all broken rules, in the order of the checks.
  absl::Status status() const;

 private:
  // Fails with `rule` unless the number at `path` is finite and `holds`.
  void CheckNumber(const std::string& path,
                   bool (*holds)(double, double, double), double a, double b,
                   const std::string& rule);

  const google::protobuf::Message& config_;
  const FieldPlaces& places_;
  std::set<std::string> failed_;
  std::vector<std::string> errors_;
};

// `name`, which becomes a folder's.
void CheckName(const std::string& name, ConfigChecker* checker);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_CONFIG_CHECKER_H_
