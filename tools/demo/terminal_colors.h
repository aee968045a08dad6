// What colours the terminal at the standard output has.
#ifndef POLARIZE_TOOLS_DEMO_TERMINAL_COLORS_H_
#define POLARIZE_TOOLS_DEMO_TERMINAL_COLORS_H_

#include "absl/strings/string_view.h"

namespace polarize {

enum class TerminalColors { kNone, k256, k24Bit };

// What tells of them: whether the output is a terminal, and the environment's
// variables of these names, "" where there is none.
struct TerminalFacts {
  bool is_terminal = false;
  absl::string_view term;
  absl::string_view colorterm;
  absl::string_view no_color;  // https://no-color.org
};

TerminalFacts StandardOutputFacts();

// None unless it is a terminal that says it has them, and the user did not ask
// for none.
TerminalColors ColorsOf(const TerminalFacts& facts);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_TERMINAL_COLORS_H_
