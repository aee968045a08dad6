// Claims of section 4.1, from the rows of the induction sweep.
//
// Of a run that solves the task (accuracy above 0.95, as in the reference's
// figures) the share of the second layer's heads that are sinks (sink score
// above 0.9). A group's number is the mean over its runs, each with the weight
// 1, as in the figures.
#ifndef POLARIZE_TOOLS_REPORT_INDUCTION_CLAIMS_H_
#define POLARIZE_TOOLS_REPORT_INDUCTION_CLAIMS_H_

#include "tools/report/claim.h"

namespace polarize {

// Softmax's share is above one half in the main figure's runs.
Finding CheckSoftmaxSinks(const ReportData& data);
// It is above that of every kind without normaliser and of positive weights.
Finding CheckNoSinksWithoutNormaliser(const ReportData& data);
// Of the pairs of such kinds, with normaliser and without, some have a larger
// share with it and none has a smaller one.
Finding CheckNormalisers(const ReportData& data);
// Softmax's share is above one half in each panel with the auxiliary loss.
Finding CheckSinksInEveryPanel(const ReportData& data);
// It is larger with the auxiliary loss than without.
Finding CheckAuxiliaryLoss(const ReportData& data);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_INDUCTION_CLAIMS_H_
