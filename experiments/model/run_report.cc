#include "experiments/model/run_report.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/progress.h"
#include "kernels/attention/attention.h"

namespace polarize {
namespace {

const char* PositionalName(Positional positional) {
  switch (positional) {
    case Positional::kConcat:
      return "concatenated positions";
    case Positional::kAdd:
      return "added positions";
    case Positional::kNone:
      break;
  }
  return "no positions";
}

std::string RuleText(const OptimiserConfig& optimiser) {
  switch (optimiser.rule) {
    case UpdateRule::kAdamW:
      return optimiser.weight_decay == 0 ? "Adam" : "AdamW";
    case UpdateRule::kSgd:
      return "SGD";
    case UpdateRule::kMomentum:
      return absl::StrFormat("SGD with momentum %g", optimiser.momentum);
    case UpdateRule::kSign:
      break;
  }
  return "sign descent";
}

std::string AttentionLine(const ModelConfig& m, bool fixed,
                          std::string_view config_file) {
  if (fixed) {
    return absl::StrFormat(
        "attention   compiled for %d positions and heads of width %d\n",
        m.positions, m.head_width());
  }
  return absl::StrFormat(
      "attention   runs on the kernel for any size; to compile it for %s, %d "
      "positions, width %d, name these in %s\n",
      AttentionKinds()[m.attention_kind].name, m.positions, m.head_width(),
      config_file);
}

}  // namespace

std::string ModelLine(const ModelConfig& m, size_t parameters) {
  return absl::StrFormat(
      "model       %d layers, %d heads, width %d, %s attention%s%s, %s%s%s%s: "
      "%d "
      "parameters\n",
      m.layers, m.heads, m.width, AttentionKinds()[m.attention_kind].name,
      m.qk_norm ? " of normed q and k" : "", m.attention_gate ? ", gated" : "",
      PositionalName(m.positional), m.use_mlp ? "" : ", no MLP",
      m.use_layernorm ? "" : ", no layer norm",
      m.bf16 ? ", bfloat16 products" : "", parameters);
}

std::string OptimiserLine(const OptimiserConfig& o) {
  const LrSchedule& s = o.schedule;
  const bool decays = o.weight_decay != 0;
  if (o.rule == UpdateRule::kAdamW && decays && IsConstant(s)) return "";
  std::string text = absl::StrCat("optimiser   ", RuleText(o));
  if (decays) absl::StrAppendFormat(&text, ", decay %g", o.weight_decay);
  absl::StrAppendFormat(&text, ", rate %g", o.lr);
  if (s.warmup_steps > 1) {
    absl::StrAppendFormat(&text, ", %d steps of warm-up", s.warmup_steps);
  }
  if (s.decay == LrDecay::kCosine) {
    absl::StrAppendFormat(&text, ", cosine down to %g", o.lr * s.min_ratio);
  }
  return absl::StrCat(text, "\n");
}

std::string PlanLines(const ModelConfig& model, const PlanReport& plan,
                      std::string_view config_file) {
  return absl::StrCat(
      absl::StrFormat("memory      %.1f MiB planned, nothing allocated in a "
                      "step\n",
                      plan.planned_bytes / 1048576.0),
      absl::StrFormat("machine     %s, %d thread%s\n", plan.simd_target,
                      plan.threads, plan.threads == 1 ? "" : "s"),
      AttentionLine(model, plan.fixed_attention, config_file),
      absl::StrFormat("time        %d step%s, about %s\n", plan.steps,
                      plan.steps == 1 ? "" : "s", FormatTime(plan.expected)));
}

std::string NumberOrNone(double value, int digits) {
  return std::isfinite(value) ? absl::StrFormat("%.*f", digits, value) : "n/a";
}

}  // namespace polarize
