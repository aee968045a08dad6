// The page that the demo leaves.
#ifndef POLARIZE_TOOLS_DEMO_DEMO_PAGE_H_
#define POLARIZE_TOOLS_DEMO_DEMO_PAGE_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tools/demo/flow_part.h"
#include "tools/demo/training_part.h"

namespace polarize {

struct DemoPage {
  std::string html;
  size_t pictures = 0;
  // Pictures that are no SVG: "FILE: reason".
  std::vector<std::string> broken;
};

// What the terminal showed, with the pictures that the runs drew inside; those
// that are not there are left out. `next`: commands.
DemoPage MakeDemoPage(const FlowPart& flow,
                      absl::Span<const TrainingPart> training,
                      const std::string& next);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_DEMO_DEMO_PAGE_H_
