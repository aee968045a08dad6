#include "tools/demo/terminal_colors.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/strings/match.h"

namespace polarize {
namespace {

absl::string_view Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? absl::string_view() : value;
}

}  // namespace

TerminalFacts StandardOutputFacts() {
  return {isatty(STDOUT_FILENO) == 1, Variable("TERM"), Variable("COLORTERM"),
          Variable("NO_COLOR")};
}

TerminalColors ColorsOf(const TerminalFacts& facts) {
  if (!facts.is_terminal || !facts.no_color.empty() || facts.term.empty() ||
      facts.term == "dumb") {
    return TerminalColors::kNone;
  }
  if (facts.colorterm == "truecolor" || facts.colorterm == "24bit" ||
      absl::EndsWith(facts.term, "-direct")) {
    return TerminalColors::k24Bit;
  }
  return absl::EndsWith(facts.term, "-256color") ? TerminalColors::k256
                                                 : TerminalColors::kNone;
}

}  // namespace polarize
