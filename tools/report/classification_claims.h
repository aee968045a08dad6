// Claims of section 4.2, from the rows of the classification sweep.
//
// Of a run, the mean over its layers and heads: of the sparsity score, cut to
// [0, 1] as in the reference's figures, or of the flip rate. Runs of any
// accuracy count, as there.
#ifndef POLARIZE_TOOLS_REPORT_CLASSIFICATION_CLAIMS_H_
#define POLARIZE_TOOLS_REPORT_CLASSIFICATION_CLAIMS_H_

#include "tools/report/claim.h"

namespace polarize {

// Vocabulary 41: softmax's sparsity score is above that of every kind without
// normaliser and of positive weights.
Finding CheckSparsity(const ReportData& data);
// One layer, one head: softmax's flip rate is above one half.
Finding CheckFlips(const ReportData& data);
// It is smaller with more heads or layers.
Finding CheckFlipsFade(const ReportData& data);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_CLASSIFICATION_CLAIMS_H_
