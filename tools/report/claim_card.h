// One claim on the page.
#ifndef POLARIZE_TOOLS_REPORT_CLAIM_CARD_H_
#define POLARIZE_TOOLS_REPORT_CLAIM_CARD_H_

#include <map>
#include <string>
#include <vector>

#include "tools/report/claim.h"
#include "tools/report/page.h"

namespace polarize {

// What has been drawn so far, and what could not be.
struct DrawnPictures {
  std::map<std::string, std::string> first_claim;  // by picture: the claim's id
  std::vector<std::string> missing;
  std::vector<std::string> broken;  // "NAME: reason"
};

// Writes the verdict as a badge that does not hang on colour alone.
void AppendVerdict(Verdict verdict, HtmlWriter& html);

// Writes the claim. A picture that an earlier claim shows is linked to.
void AppendClaim(const ClaimSpec& claim, const Finding& finding,
                 const ReportInputs& inputs, DrawnPictures& drawn, Page& page);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_CLAIM_CARD_H_
