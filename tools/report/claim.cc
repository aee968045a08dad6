#include "tools/report/claim.h"

namespace polarize {

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return "reproduced";
    case Verdict::kDiffers:
      return "differs";
    case Verdict::kNotRun:
      break;
  }
  return "not run";
}

}  // namespace polarize
