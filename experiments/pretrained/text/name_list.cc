#include "experiments/pretrained/text/name_list.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace polarize {

std::string NameList(std::vector<std::string> names) {
  constexpr size_t kMost = 5;
  const bool more = names.size() > kMost;
  names.resize(std::min(names.size(), kMost));
  for (std::string& name : names) {
    if (name.size() > 40) name = absl::StrCat(name.substr(0, 37), "...");
  }
  return absl::StrCat(absl::StrJoin(names, ", "), more ? ", ..." : "");
}

}  // namespace polarize
