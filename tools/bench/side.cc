// Our kernels and training steps as one side of a comparison: command_loop.h
// says how it is told, compare_cases.py what.
//
// Weights are packed every time, as in a training step. A weight gradient reads
// its factors where they are.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/classification/config.h"
#include "experiments/classification/fixed_attention.h"
#include "experiments/classification/setup.h"
#include "experiments/classification/trainer.h"
#include "experiments/induction/config.h"
#include "experiments/induction/fixed_attention.h"
#include "experiments/induction/setup.h"
#include "experiments/induction/trainer.h"
#include "experiments/model/model_setup.h"
#include "experiments/run/build_commit.h"
#include "experiments/run/thread_team.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel_for.h"
#include "kernels/linear/linear.h"
#include "kernels/math/math.h"
#include "kernels/softmax/softmax.h"
#include "tools/bench/command_loop.h"
#include "tools/bench/machine.h"

namespace polarize {
namespace {

// Memory of a case, kept by the function that uses it.
struct Arrays {
  Numbers x, w, y, packed;
  SerialFor serial;
};

Runner OpenLinear(const CaseSpec& spec, std::string*) {
  const size_t rows = spec.Number("rows"), inner = spec.Number("inner"),
               outer = spec.Number("outer");
  const std::string op = spec.Text("op");
  auto a = std::make_shared<Arrays>();
  a->w = TestNumbers(inner * outer);
  a->x = TestNumbers(rows * inner);
  a->y = TestNumbers(rows * outer);
  if (op == "forward") {
    a->packed.resize(PackedWeightSize(inner, outer));
    return [=] {
      PackForForward(a->w.data(), inner, outer, a->packed.data());
      LinearForward<float>(a->x.data(), rows, a->packed.data(), nullptr,
                           nullptr, inner, outer, a->y.data(), a->serial);
    };
  }
  if (op == "input_gradient") {
    a->packed.resize(PackedWeightSize(outer, inner));
    return [=] {
      PackForInputGradient(a->w.data(), inner, outer, a->packed.data());
      LinearInputGradient<float>(a->y.data(), rows, a->packed.data(), nullptr,
                                 inner, outer, a->x.data(), a->serial);
    };
  }
  return [=] {
    LinearWeightGradient<float>(a->x.data(), a->y.data(), rows, inner, outer,
                                a->w.data(), nullptr, a->serial);
  };
}

Runner OpenRows(const CaseSpec& spec, std::string*) {
  const size_t rows = spec.Number("rows"), n = spec.Number("n");
  const bool forward = spec.Text("op") == "forward";
  auto a = std::make_shared<Arrays>();
  a->x = TestNumbers(rows * n);
  a->y.resize(rows * n);
  if (spec.kind == "sigmoid") {
    if (forward) return [=] { Sigmoid(a->x.data(), a->y.data(), rows * n); };
    a->w = TestNumbers(rows * n);
    Sigmoid(a->x.data(), a->x.data(), rows * n);
    return [=] {
      SigmoidGradientFromValue(a->x.data(), a->w.data(), a->y.data(), rows * n);
    };
  }
  if (forward) {
    return
        [=] { SoftmaxRows(a->x.data(), rows, n, n, a->y.data(), a->serial); };
  }
  a->w = TestNumbers(rows * n);
  SoftmaxRows(a->x.data(), rows, n, n, a->x.data(), a->serial);
  return [=] {
    SoftmaxRowsGradient(a->x.data(), a->w.data(), rows, n, n, a->y.data(),
                        a->serial);
  };
}

Runner OpenMachine(const CaseSpec& spec, std::string* why) {
  const std::string op = spec.Text("op");
  const size_t n = spec.Number("n");
  auto a = std::make_shared<Arrays>();
  a->x = TestNumbers(std::max<size_t>(n, 12));
  if (op == "fma") return [=] { MultiplyAdds(a->x.data()); };
  if (op == "bfloat16") {
    *why = "no bfloat16 dot product on this CPU";
    if (!BFloat16MultiplyAdds(a->x.data())) return nullptr;
    return [=] { BFloat16MultiplyAdds(a->x.data()); };
  }
  a->y.resize(n);
  if (op == "read") return [=] { a->y[0] += ReadAll(a->x.data(), n); };
  if (op == "copy") {
    return [=] { std::memcpy(a->y.data(), a->x.data(), n * sizeof(float)); };
  }
  a->w = a->x;
  return [=] { Triad(a->x.data(), a->w.data(), a->y.data(), n); };
}

// `model.num_layers=1` and the like: what the case sets in the config.
std::vector<std::string> Settings(const CaseSpec& spec) {
  std::vector<std::string> settings;
  for (const auto& [key, value] : spec.values) {
    if (key != "experiment" && key != "threads") {
      settings.push_back(absl::StrCat(key, "=", value));
    }
  }
  return settings;
}

// What a config was refused for.
std::string FirstLine(const absl::Status& status) {
  const std::string message(status.message());
  return message.substr(0, message.find('\n'));
}

template <class Trainer>
void TakeStep(Trainer& trainer) {
  if (trainer.step() % trainer.steps_per_epoch() == 0) trainer.StartEpoch();
  trainer.Step();
}

struct Induction {
  Induction(const InductionSetup& setup, std::unique_ptr<ThreadTeam> threads)
      : team(std::move(threads)),
        data(MakeInductionData(setup.task)),
        trainer(setup, data, *team) {
    trainer.model().UseFixedAttention(InductionFixedAttention());
  }
  std::unique_ptr<ThreadTeam> team;
  InductionData data;
  InductionTrainer<float> trainer;
};

struct Classification {
  Classification(const ClassificationSetup& setup,
                 std::unique_ptr<ThreadTeam> threads)
      : team(std::move(threads)), trainer(setup, *team) {
    trainer.model().UseFixedAttention(ClassificationFixedAttention());
  }
  std::unique_ptr<ThreadTeam> team;
  ClassificationTrainer<float> trainer;
};

Runner OpenStep(const CaseSpec& spec, std::string* why) {
  auto team = ThreadTeam::Create(std::max<size_t>(spec.Number("threads"), 1));
  if (!team.ok()) {
    *why = FirstLine(team.status());
    return nullptr;
  }
  if (spec.Text("experiment") == "classification") {
    const auto config = LoadClassificationConfig(
        {"default", ""}, Settings(spec), AttentionTypes());
    if (!config.ok()) {
      *why = FirstLine(config.status());
      return nullptr;
    }
    auto run = std::make_shared<Classification>(
        MakeClassificationSetup(*config, /*sharing=*/true), *std::move(team));
    return [run] { TakeStep(run->trainer); };
  }
  const auto config =
      LoadInductionConfig({"default", ""}, Settings(spec), AttentionTypes());
  if (!config.ok()) {
    *why = FirstLine(config.status());
    return nullptr;
  }
  auto run = std::make_shared<Induction>(
      MakeInductionSetup(*config, /*sharing=*/true), *std::move(team));
  return [run] { TakeStep(run->trainer); };
}

Runner Open(const CaseSpec& spec, std::string* why) {
  if (spec.kind == "linear") return OpenLinear(spec, why);
  if (spec.kind == "softmax" || spec.kind == "sigmoid") {
    return OpenRows(spec, why);
  }
  if (spec.kind == "machine") return OpenMachine(spec, why);
  if (spec.kind == "step") return OpenStep(spec, why);
  return nullptr;
}

}  // namespace
}  // namespace polarize

int main() {
  return polarize::ObeyCommands("polarize", polarize::BuildCommit(),
                                polarize::ChosenTargetName(), polarize::Open);
}
