// The attention kinds as the paper's figures pair them.
#ifndef POLARIZE_TOOLS_REPORT_ATTENTION_KINDS_H_
#define POLARIZE_TOOLS_REPORT_ATTENTION_KINDS_H_

namespace polarize {

// One similarity with its normaliser and without.
struct KindPair {
  const char* name;  // in the paper
  const char* normalised;
  const char* plain;
  // Whether weights are never negative. Of signed ones a share of the row's sum
  // may be below 0 or above 1 and says little: they are shown, not judged.
  bool positive;
};

// In the order of the figures; softmax, which has no plain form, is not among
// them.
constexpr KindPair kKindPairs[] = {
    {"sigmoid", "sigmoid_norm", "sigmoid_unnorm", true},
    {"elu", "coupled_linear_norm", "coupled_linear_unnorm", true},
    {"elu·elu", "linear", "linear_unnorm", true},
    {"mlp", "mlp_norm", "mlp_unnorm", false},
    {"linear", "raw_dotproduct_norm", "raw_dotproduct_unnorm", false},
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_ATTENTION_KINDS_H_
