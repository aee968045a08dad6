#include "tools/report/claim_table.h"

#include "tools/report/classification_claims.h"
#include "tools/report/induction_claims.h"
#include "tools/report/pretrained_claims.h"
#include "tools/report/section_three_claims.h"

namespace polarize {
namespace {

constexpr char kSectionThreeRule[] =
    "Reproduced if at least one check of our runs holds and none fails; "
    "differs "
    "if one fails; not run if there is none.";
constexpr char kMainPanel[] =
    "bazel run //experiments:sweep -- induction --filter "
    "aux_loss_weight=0.2,shift_query_token=true,positional_type=add";
constexpr char kInduction[] = "bazel run //experiments:sweep -- induction";
constexpr char kClassification[] =
    "bazel run //experiments:sweep -- classification";

// What every claim of a section shares.
constexpr char kFlow[] =
    "The theorem speaks of gradient flow. The reference shows descent only; "
    "here the flow itself is integrated too, with control of the error.";
constexpr char kErrata[] =
    "Version 1 of the paper prints -gamma in equations 6, 7, 9, 10, 15 and 16 "
    "where its proofs and its code have +gamma; the corrected equations are "
    "meant here.";
constexpr char kSinkScore[] =
    "Sink score as in the reference's code: queries 1 to 9 alone (not BOS, the "
    "last content token and the query token), of evaluation data.";
constexpr char kUnevenCells[] =
    "Only runs that solve the task count, so groups have very different "
    "numbers "
    "of runs; the reference's bars hide this, the numbers here show it.";
constexpr char kReading[] =
    "The paper prints no percentage here; what is tested is our reading of its "
    "figure.";
constexpr char kFourInputs[] =
    "With a vocabulary of 41 there are 4 different inputs and at most 12 "
    "different pairs, whatever the nominal numbers; the spread is over runs.";
constexpr char kSigned[] =
    "Signed kinds (mlp, linear) can score below 0 or above 1. They are shown "
    "and not judged.";

std::vector<ClaimSpec> MakeClaims() {
  return {
      {"order",
       "3",
       "theorem 3.2, figure 2",
       "Entries keep their order and drift apart",
       "Under the logistic loss, from uniform attention and different "
       "projections u = V'b, the order of u and of s = softmax(a) never "
       "changes, and the gaps between entries of u grow all the time.",
       kSectionThreeRule,
       CheckOrder,
       {{"softmax_and_u_evolution_icml_2col",
         "Descent, as in figure 2: s (left) and u (right) over a million "
         "steps."}},
       "bazel run //experiments/value_softmax:logistic",
       {kErrata, kFlow,
        "The paper says of part (b) \"for any i, j\"; it holds for i < j."}},
      {"one-hot",
       "3",
       "theorem 3.3",
       "Softmax ends in one-hot attention",
       "The loss goes to 0; the weight of every other entry beside the "
       "largest is bounded by 1 / (1 + delta Gamma / p); Gamma, the integral "
       "of the gradient's size, grows like ln t, so that s becomes one-hot.",
       kSectionThreeRule,
       CheckOneHot,
       {{"logistic/flow",
         "Gradient flow (lines) to t = 1e12 and descent (dots): s and u."},
        {"logistic/step_size",
         "Loss, and how far descent of three rates is from the flow."}},
       "bazel run //experiments/value_softmax:logistic",
       {kErrata, kFlow}},
      {"regression",
       "3",
       "section 3.2, lemma 3.5",
       "Regression polarizes in part only",
       "From V = 0 under the squared loss V stays of rank one and the same "
       "reduced system holds, but Gamma stays bounded: s gets sparser and does "
       "not become one-hot.",
       kSectionThreeRule,
       CheckRegression,
       {{"regression/flow",
         "Flow (lines) and descent (dots) under the squared loss."}},
       "bazel run //experiments/value_softmax:regression",
       {kErrata, kFlow}},
      {"maps",
       "3",
       "appendix, other normalisations",
       "Which other maps polarize",
       "In place of softmax: under the logistic loss L1, L2 and ReLU, divided "
       "by their sums, go to one-hot too; a plain sum and a sigmoid without "
       "normaliser do not. Under the squared loss none does.",
       kSectionThreeRule,
       CheckMaps,
       {{"log_loss_comparison",
         "Six maps under the logistic loss: weights and values."},
        {"square_loss_comparison", "The same maps under the squared loss."}},
       "bazel run //experiments/value_softmax:normalisations_logistic; bazel "
       "run //experiments/value_softmax:normalisations_square",
       {"The text of the paper's appendix is known to us in part; the "
        "prediction is what the reference's program gives when run."}},
      {"tied",
       "3",
       "tied model",
       "Massive activations when values and keys are one matrix",
       "With s = softmax(U a) and prediction U s, one column of U grows far "
       "beyond the others while s becomes one-hot, for sizes 10 to 100.",
       kSectionThreeRule,
       CheckTied,
       {{"massive_activations_2",
         "Loss, s, and the norm of the column that wins, for four sizes."}},
       "bazel run //experiments/value_softmax:tied",
       {}},
      {"conditions",
       "3",
       "figures 3 and 12",
       "The worse the condition, the sparser the attention",
       "In the regression |b - X V s| the slower the gradient decays, the more "
       "s polarizes: from condition number 1 to 5 its largest entry grows.",
       kSectionThreeRule,
       CheckConditions,
       {{"condition_numbers_small",
         "a for condition numbers 1 and 5, as in figure 3."},
        {"condition_numbers",
         "Loss, gradients and a for condition numbers 1 to 5, as in figure "
         "12."}},
       "bazel run //experiments/value_softmax:condition_numbers",
       {"Singular vectors come from another library than the reference's: X "
        "agrees to rounding and not to the last bit."}},
      {"kl",
       "3",
       "appendix, Kullback-Leibler",
       "Under the KL loss polarization saturates",
       "Fitting a distribution, the loss goes to that distribution's entropy "
       "and s stops short of one-hot.",
       kSectionThreeRule,
       CheckKl,
       {{"kl", "Loss, gradients and a."}},
       "bazel run //experiments/value_softmax:kl",
       {}},
      {"softmax-sinks",
       "4.1",
       "figures 4 and 5",
       "Softmax heads become attention sinks",
       "In a two-layer transformer trained on induction with softmax the "
       "second layer's heads come to look at the first token: most of them are "
       "sinks.",
       "Reproduced if the mean share of sink heads (score above 0.9) over "
       "softmax runs that solve the task is above 0.5; not run with fewer than "
       "3 such runs.",
       CheckSoftmaxSinks,
       {{"sink_proportions_aux0.2_shift_add",
         "Share of sink heads by kind, of runs that solve the task: the main "
         "figure's panel."},
        {"sink_share_by_threshold",
         "Share of heads above every threshold, not only 0.9."},
        {"attention_map_softmax_0_1_0",
         "Softmax: a head of the second layer, one evaluation sequence."},
        {"attention_map_sigmoid_0_1_0",
         "Sigmoid without normaliser: the same."},
        {"attention_map_linear_0_1_0", "Linear without normaliser: the same."}},
       kMainPanel,
       {kReading, kSinkScore,
        "Training is AdamW with decay 0.01, not the gradient flow of the "
        "theory."}},
      {"no-sinks-unnormalised",
       "4.1",
       "figure 5",
       "Kinds without normaliser solve the task with fewer sinks",
       "A need for \"no operation\" does not explain sinks by itself: "
       "attention "
       "without normaliser learns the same task, and its heads concentrate on "
       "the first token less.",
       "Reproduced if softmax's mean share is above that of every kind of "
       "positive weights without normaliser that has 3 runs or more that solve "
       "the task; differs if one is not below; not run if softmax or all of "
       "them have fewer.",
       CheckNoSinksWithoutNormaliser,
       {{"sink_proportions_aux0.2_shift_add",
         "Share of sink heads by kind, of runs that solve the task: the main "
         "figure's panel."},
        {"accuracy_aux0.2_shift_add", "Accuracy by kind, all runs."},
        {"induction_over_training",
         "Scores, row sums and entropy over training."}},
       kMainPanel,
       {kReading, kUnevenCells, kSigned,
        "A share hides how large a row's sum is: a head without normaliser may "
        "be almost switched off, or have normalised itself. Row sums are in "
        "the CSV file (abs_attn_all)."}},
      {"normalisers",
       "4.1",
       "figure 5, table 1",
       "The normaliser makes the sink",
       "For the same similarity, dividing each row by its sum brings more "
       "sinks than leaving it as it is.",
       "Of the pairs of positive weights with 3 runs or more on both sides "
       "that solve the task: reproduced if the normalised kind has the larger "
       "mean share in one at least and the smaller one in none; otherwise "
       "differs; not run if no pair has enough runs.",
       CheckNormalisers,
       {{"sink_proportions_aux0.2_shift_add_detail",
         "The main figure's panel with intervals and numbers of runs."}},
       kMainPanel,
       {kReading, kUnevenCells, kSigned,
        "elu·elu has no factor 1/sqrt(d) in the reference's code, nor here; "
        "the paper's table prints it. It matters without normaliser only."}},
      {"every-panel",
       "4.1",
       "appendix, all sink panels",
       "Sinks whatever the positions and the query token",
       "The same holds for added, concatenated and absent positions, and "
       "whether or not the repeated token has an id of its own.",
       "Of the panels with auxiliary weight 0.2 and 3 softmax runs or more "
       "that "
       "solve the task (two at least): reproduced if in each the mean share is "
       "above 0.5; differs if in one it is not.",
       CheckSinksInEveryPanel,
       {{"sink_proportions_aux0.2_shift_concat",
         "Sink heads: query token shifted, positions concatenated."},
        {"sink_proportions_aux0.2_shift_no",
         "Sink heads: query token shifted, no positions."},
        {"sink_proportions_aux0.2_noshift_add",
         "Sink heads: query token as it is, positions added."},
        {"sink_proportions_aux0.2_noshift_concat",
         "Sink heads: query token as it is, positions concatenated."},
        {"sink_proportions_aux0.2_noshift_no",
         "Sink heads: query token as it is, no positions."}},
       "bazel run //experiments:sweep -- induction --filter "
       "aux_loss_weight=0.2",
       {kReading, kSinkScore, kUnevenCells}},
      {"auxiliary-loss",
       "4.1",
       "appendix, panels with and without the auxiliary loss",
       "Sinks form where rows are trained",
       "The theory is about rows that reach the loss. With the auxiliary loss "
       "every row does; without it only the last position does, and the rows "
       "that the sink score reads get no gradient.",
       "Reproduced if softmax's mean share is larger with auxiliary weight 0.2 "
       "than with 0 (3 runs or more of each that solve the task); differs if "
       "it is not.",
       CheckAuxiliaryLoss,
       {{"sink_proportions_aux0.0_shift_add",
         "Sink heads without the auxiliary loss."}},
       "bazel run //experiments:sweep -- induction --filter "
       "shift_query_token=true,positional_type=add",
       {kReading, kSinkScore}},
      {"pretrained",
       "4.1",
       "figure 7",
       "A 7B softmax model is sparser than a sigmoid one",
       "Over the heads of two language models of 7 billion parameters the "
       "share of a row's weight on its largest entry is clearly larger under "
       "softmax than under sigmoid attention without normaliser.",
       "Reproduced if softmax's mean over heads is above sigmoid's by more "
       "than "
       "three standard errors of the difference; differs if it is not; not run "
       "without both models.",
       CheckPretrained,
       {{"sink_scores",
         "Sparsity of the heads of both 7B models, as in figure 7."}},
       "bazel run //experiments:pretrained",
       {"The paper's text divides by the row's sum; the reference's code does "
        "not, which makes no difference for softmax and does for sigmoid."}},
      {"sparsity",
       "4.2",
       "appendix, sparsity scores",
       "Softmax classifiers attend to few tokens",
       "In classification every token of a sample says the same, and still "
       "softmax puts most of its weight on few of them.",
       "Vocabulary 41, all other settings together: reproduced if softmax's "
       "mean sparsity score is above that of every kind of positive weights "
       "without normaliser that has 3 runs or more; differs if one is not "
       "below.",
       CheckSparsity,
       {{"sparsity_layers1_heads1",
         "Sparsity score by kind, one layer and one head."},
        {"sparsity_share_by_threshold",
         "Share of heads above every threshold."},
        {"classification_over_training",
         "Scores, row sums and entropy over training."},
        {"classification_with_sample_tracking",
         "CLS's attention to the tokens of two samples through training."}},
       std::string(kClassification) + " --filter vocab_size=41",
       {kReading, kFourInputs, kSigned,
        "As in the reference, runs count whatever their accuracy."}},
      {"flips",
       "4.2",
       "figure 6",
       "One token reverses softmax's prediction",
       "With one layer and one head the prediction hangs on the token attended "
       "most: put into a sample of another class it easily reverses the "
       "prediction.",
       "Reproduced if the mean flip rate over all finished softmax runs with "
       "one layer and one head is above 0.5; not run with fewer than 3.",
       CheckFlips,
       {{"fliprate_vocab41_nomlp_noln",
         "Flip rate by kind: vocabulary 41, no MLP, no layer norm."},
        {"fliprate_vocab81_nomlp_noln", "The same with a vocabulary of 81."},
        {"fliprate_vocab161_nomlp_noln", "The same with a vocabulary of 161."},
        {"fliprate_vocab41_mlp_ln",
         "Flip rate by kind: one layer and one head with MLP and layer norm."}},
       std::string(kClassification) + " --filter num_layers=1,num_heads=1",
       {kFourInputs,
        "The paper speaks of an adversary that may change any one token. The "
        "reference's code, and this number, puts one sample's most attended "
        "token in the place of another's; `flip.any_token_inputs` tries the "
        "adversary."}},
      {"flips-fade",
       "4.2",
       "figure 6",
       "The effect fades with more heads and layers",
       "More than one head or layer settle on different tokens, and no single "
       "one decides any more.",
       "Reproduced if softmax's mean flip rate is largest with one layer and "
       "one head, among all combinations with 3 finished runs or more (one "
       "with "
       "more heads and one with more layers at least); differs if it is not.",
       CheckFlipsFade,
       {},
       std::string(kClassification) + " --filter attention_type=softmax",
       {kFourInputs,
        "The flip rate of a run is the mean over its layers and heads: each "
        "head's own most attended token is tried."}},
  };
}

}  // namespace

const std::vector<ClaimSpec>& PaperClaims() {
  static const auto& kClaims = *new std::vector<ClaimSpec>(MakeClaims());
  return kClaims;
}

}  // namespace polarize
