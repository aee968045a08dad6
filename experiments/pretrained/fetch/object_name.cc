#include "experiments/pretrained/fetch/object_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace polarize {
namespace {

constexpr size_t kMostBytes = 1024;            // the store's own limit
constexpr size_t kMostBytesOfComponent = 200;  // files: 255, with suffixes

// What is wrong with it; empty: nothing.
absl::string_view Fault(absl::string_view component) {
  if (component.empty()) return "an empty component";
  if (component == "." || component == "..")
    return "a component \".\" or \"..\"";
  if (component.size() > kMostBytesOfComponent) return "a component too long";
  if (absl::EndsWith(component, kPartialSuffix) ||
      absl::StartsWith(component, "fetch.")) {
    return "a component with a name that the fetch program uses itself";
  }
  if (std::any_of(component.begin(), component.end(), [](char c) {
        return absl::ascii_iscntrl(static_cast<unsigned char>(c)) || c == '\\';
      })) {
    return "a control character or backslash";
  }
  return "";
}

}  // namespace

absl::Status CheckObjectPath(absl::string_view path) {
  absl::string_view fault;
  if (path.size() > kMostBytes) fault = "more than 1024 bytes";
  for (const absl::string_view component : absl::StrSplit(path, '/')) {
    if (fault.empty()) fault = Fault(component);
  }
  if (fault.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the store lists an object with an unsafe name, \"",
      absl::CHexEscape(path.substr(0, 100)), "\": it has ", fault));
}

}  // namespace polarize
