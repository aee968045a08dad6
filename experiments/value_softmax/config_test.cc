#include "experiments/value_softmax/config.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/run/config.h"
#include "experiments/run/config_text.h"
#include "experiments/value_softmax/families.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<ValueSoftmaxConfig> Load(
    const std::string& text, const std::vector<std::string>& settings = {}) {
  return LoadValueSoftmaxConfig({"f", text}, settings);
}

std::string ErrorOf(const std::string& text,
                    const std::vector<std::string>& settings = {}) {
  const absl::StatusOr<ValueSoftmaxConfig> config = Load(text, settings);
  return config.ok() ? "" : std::string(config.status().message());
}

TEST(LoadValueSoftmaxConfig, EveryFamilyLoads) {
  EXPECT_EQ(Families().size(), 8u);
  for (const Family& family : Families()) {
    const auto config = LoadValueSoftmaxConfig(family.text, {});
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->name(), family.name);
    EXPECT_EQ(FindFamily(family.name), &family);
    EXPECT_EQ(family.text.file, absl::StrCat("experiments/value_softmax/",
                                             family.name, ".textproto"));
  }
  EXPECT_EQ(FindFamily("logistics"), nullptr);
}

TEST(LoadValueSoftmaxConfig, TheResolvedTextGivesTheSameConfig) {
  for (const Family& family : Families()) {
    const auto config = LoadValueSoftmaxConfig(family.text, {"seed=7"});
    ASSERT_TRUE(config.ok()) << config.status();
    const std::string text = ResolvedText(*config);
    EXPECT_THAT(text, HasSubstr("polarize.ValueSoftmaxConfig\n"));
    EXPECT_THAT(text, HasSubstr("seed: 7\n"));
    const auto again = Load(text);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(ResolvedText(*again), text);
  }
}

TEST(LoadValueSoftmaxConfig, TheEdgesAreAllowed) {
  EXPECT_EQ(ErrorOf("", {"features=2", "latent=2", "seed=0", "steps=1",
                         "momentum=0", "beta1=0", "beta2=0", "points=2"}),
            "");
  EXPECT_EQ(ErrorOf("", {"features=1024", "latent=1024", "seed=4294967295",
                         "condition_number=1", "samples=1"}),
            "");
  EXPECT_EQ(ErrorOf("", {"steps=0", "end_time=0.1", "first_time=0.1"}), "");
  EXPECT_EQ(ErrorOf("", {"spacing=every", "steps=10000000"}), "");
}

// One broken rule: a text or a setting, and all that is said about it.
struct Broken {
  const char* text;
  std::vector<std::string> settings;
  const char* error;
};

void ExpectErrors(const std::vector<Broken>& cases) {
  for (const Broken& c : cases) {
    EXPECT_EQ(ErrorOf(c.text, c.settings), c.error);
  }
}

TEST(LoadValueSoftmaxConfigErrors, Fields) {
  ExpectErrors({
      {"model {\n  temprature: 1\n}",
       {},
       "f:2:3: model.temprature: no such field; did you mean "
       "model.temperature?"},
      {"",
       {"lrr=1"},
       "--set lrr=1: lrr: no such field; did you mean descent.lr?"},
      {"name: \"a/b\"",
       {},
       "f:1:1: name = \"a/b\": must be 1 to 100 letters, digits, \"_\", \"-\" "
       "and \".\", and not begin with \".\": it names a folder"},
      {"figure: \"logistics\"",
       {},
       "f:1:1: figure = \"logistics\": must be one of none, logistic, "
       "normalisations, tied, condition_numbers, kl; did you mean "
       "\"logistic\"?"},
      {"descent { steps: 1.5 }",
       {},
       "f:1:11: descent.steps = 1.5: must be a whole number from -2^63 to 2^63 "
       "- 1"},
  });
}

TEST(LoadValueSoftmaxConfigErrors, Model) {
  ExpectErrors({
      {"model {\n  features: 0\n}",
       {},
       "f:2:3: model.features = 0: must be from 2 to 1024"},
      {"model { latent: 1 }",
       {},
       "f:1:9: model.latent = 1: must be from 2 to 1024"},
      {"",
       {"latent=1025"},
       "--set latent=1025: model.latent = 1025: must be from 2 to 1024"},
      {"model { map: \"sofmax\" }",
       {},
       "f:1:9: model.map = \"sofmax\": must be one of l1, sum, l2, softmax, "
       "relu, sigmoid, softmax1; did you mean \"softmax\"?"},
      {"model { loss: \"sqare\" }",
       {},
       "f:1:9: model.loss = \"sqare\": must be one of logistic, square, "
       "regression, kl; did you mean \"square\"?"},
      {"model { temperature: 0 }",
       {},
       "f:1:9: model.temperature = 0: must be above 0"},
      {"model { temperature: inf }",
       {},
       "f:1:9: model.temperature = inf: must be finite"},
      {"model { sink_logit: 1001 }",
       {},
       "f:1:9: model.sink_logit = 1001: must be from -1000 to 1000"},
      {"model { samples: 0 }",
       {},
       "f:1:9: model.samples = 0: must be from 1 to 1024"},
      {"model { condition_number: 0.5 }",
       {},
       "f:1:9: model.condition_number = 0.5: must be from 1 to 1000000000000"},
      {"model { entropy_penalty: nan }",
       {},
       "f:1:9: model.entropy_penalty = nan: must be finite"},
      {"model { tied: true features: 4 latent: 5 }",
       {},
       "f:1:32: model.latent = 5: must equal model.features, 4, if "
       "model.tied"},
      {"model { learn_sink_logit: true }",
       {},
       "f:1:9: model.learn_sink_logit = true: needs model.map softmax1: no "
       "other map has a sink"},
  });
}

TEST(LoadValueSoftmaxConfigErrors, Init) {
  ExpectErrors({
      {"init { seed: -1 }",
       {},
       "f:1:8: init.seed = -1: must be from 0 to 4294967295"},
      {"",
       {"seed=4294967296"},
       "--set seed=4294967296: init.seed = 4294967296: must be from 0 to "
       "4294967295"},
      {"init { order: \"b\" }",
       {},
       "f:1:8: init.order = \"b\": must be one of values_first, "
       "target_first"},
      {"init { values: \"identiy\" }",
       {},
       "f:1:8: init.values = \"identiy\": must be one of normal, identity; "
       "did you mean \"identity\"?"},
      {"init { target: \"norm\" }",
       {},
       "f:1:8: init.target = \"norm\": must be one of unit_normal, normal, "
       "softmax_uniform; did you mean \"unit_normal\"?"},
      {"init { value_scale: inf }",
       {},
       "f:1:8: init.value_scale = inf: must be finite"},
      {"init { attention_mean: 2e6 }",
       {},
       "f:1:8: init.attention_mean = 2000000: must be from -1000000 to "
       "1000000"},
      {"init { attention_scale: nan }",
       {},
       "f:1:8: init.attention_scale = nan: must be finite"},
      {"init { target_scale: 1001 }",
       {},
       "f:1:8: init.target_scale = 1001: must be from -1000 to 1000"},
      {"model { loss: \"kl\" } init { target: \"normal\" }",
       {},
       "f:1:29: init.target = \"normal\": must be softmax_uniform with "
       "model.loss kl, which compares distributions"},
      {"model { loss: \"regression\" } init { order: \"target_first\" }",
       {},
       "f:1:37: init.order = \"target_first\": must be values_first with "
       "model.loss regression"},
  });
}

TEST(LoadValueSoftmaxConfigErrors, Descent) {
  ExpectErrors({
      {"descent { optimiser: \"adm\" }",
       {},
       "f:1:11: descent.optimiser = \"adm\": must be one of gradient_descent, "
       "momentum, adam, sign_descent; did you mean \"adam\"?"},
      {"descent { steps: -1 }",
       {},
       "f:1:11: descent.steps = -1: must be from 0 to 1000000000000"},
      {"descent { lr: 0 }", {}, "f:1:11: descent.lr = 0: must be above 0"},
      {"descent { lr: -0.1 }",
       {},
       "f:1:11: descent.lr = -0.1: must be above 0"},
      {"descent { lr: nan }", {}, "f:1:11: descent.lr = nan: must be finite"},
      {"", {"lr=inf"}, "--set lr=inf: descent.lr = inf: must be finite"},
      {"descent { momentum: 1 }",
       {},
       "f:1:11: descent.momentum = 1: must be at least 0 and below 1"},
      {"descent { beta1: -0.1 }",
       {},
       "f:1:11: descent.beta1 = -0.1: must be at least 0 and below 1"},
      {"descent { beta2: 1 }",
       {},
       "f:1:11: descent.beta2 = 1: must be at least 0 and below 1"},
      {"descent { epsilon: 0 }",
       {},
       "f:1:11: descent.epsilon = 0: must be above 0"},
      {"descent { compare_lr: [1, 0] }",
       {},
       "f:1:11: descent.compare_lr = [1, 0]: every rate must be above 0"},
      {"descent { compare_lr: 1e-300 }",
       {},
       "f:1:11: descent.compare_lr = [1e-300]: 1e-300 would take 1e+305 steps "
       "to lr * steps, more than 1e+12 (--set compare_lr= clears it)"},
      {"descent { compare_lr: [1, 0.1] }",
       {},
       "f:1:11: descent.compare_lr = [1, 0.1]: 0.1 is descent.lr itself (--set "
       "compare_lr= clears it)"},
      {"descent { compare_lr: [1, 0.01, 1] }",
       {},
       "f:1:11: descent.compare_lr = [1, 0.01, 1]: 1 is there twice (--set "
       "compare_lr= clears it)"},
      {"descent { compare_lr: [1, 0.01] }",
       {"steps=5"},
       "f:1:11: descent.compare_lr = [1, 0.01]: a step of 1 is longer than lr "
       "* steps, 0.5 (--set compare_lr= clears it)"},
  });
}

TEST(LoadValueSoftmaxConfigErrors, Flow) {
  ExpectErrors({
      {"flow { end_time: -1 }",
       {},
       "f:1:8: flow.end_time = -1: must be from 0 to 1e+18"},
      {"flow { relative_tolerance: 0 }",
       {},
       "f:1:8: flow.relative_tolerance = 0: must be from 1e-14 to 0.1"},
      {"flow { absolute_tolerance: 1 }",
       {},
       "f:1:8: flow.absolute_tolerance = 1: must be from 1e-300 to 0.1"},
      {"flow { points_per_decade: 0 }",
       {},
       "f:1:8: flow.points_per_decade = 0: must be from 1 to 10000"},
      {"flow { first_time: 0 }",
       {},
       "f:1:8: flow.first_time = 0: must be above 0"},
      {"flow { max_steps: 0 }",
       {},
       "f:1:8: flow.max_steps = 0: must be from 1 to 1000000000000"},
      {"flow { end_time: 0.05 }",
       {},
       "f:(default): flow.first_time = 0.1: must be at most flow.end_time, "
       "0.05"},
      {"descent { steps: 0 }",
       {},
       "f:1:11: descent.steps = 0: 0 with flow.end_time 0 leaves nothing to "
       "run"},
      {"flow { end_time: 1e18 first_time: 1e-300 points_per_decade: 10000 }",
       {"latent=1024"},
       "f:1:42: flow.points_per_decade = 10000: the history would take 104.5 "
       "GB, more than 8"},
  });
}

TEST(LoadValueSoftmaxConfigErrors, History) {
  ExpectErrors({
      {"history { spacing: \"linear\" }",
       {},
       "f:1:11: history.spacing = \"linear\": must be one of log, log_count, "
       "every"},
      {"history { points: 1 }",
       {},
       "f:1:11: history.points = 1: must be from 2 to 10000000"},
      {"history { weights: \"befor\" }",
       {},
       "f:1:11: history.weights = \"befor\": must be one of before, after; did "
       "you mean \"before\"?"},
      {"history { spacing: \"every\" } descent { steps: 10000001 }",
       {},
       "f:1:11: history.spacing = \"every\": every keeps at most 10000000 "
       "steps"},
      {"history { spacing: \"every\" } descent { steps: 1000 compare_lr: 1e-6 "
       "}",
       {},
       "f:1:52: descent.compare_lr = [1e-06]: 1e-06 would take 1e+08 steps to "
       "lr * steps, more than 1e+07 (--set compare_lr= clears it)"},
      {"history { points: 5000000 }",
       {"latent=100"},
       "f:1:11: history.points = 5000000: the history would take 16.4 GB, more "
       "than 8"},
  });
}

TEST(LoadValueSoftmaxConfigErrors, AllAtOnce) {
  EXPECT_EQ(ErrorOf("model {\n  latent: 0\n}\ndescent { lr: 0 }", {"seed=-1"}),
            "f:2:3: model.latent = 0: must be from 2 to 1024\n"
            "--set seed=-1: init.seed = -1: must be from 0 to 4294967295\n"
            "f:4:11: descent.lr = 0: must be above 0");
}

// What is said of a config with these vary blocks, without the blocks' text.
std::string VaryError(const std::string& vary) {
  const std::string error = ErrorOf("\n" + vary);
  EXPECT_EQ(error.substr(0, 5), "f:2:1") << error;
  const size_t rule = error.rfind("]: ");
  return error.substr(rule == std::string::npos ? 6 : rule + 3);
}

TEST(LoadValueSoftmaxConfigErrors, Axes) {
  for (
      const auto& [vary, rule] :
      std::vector<std::pair<std::string, std::string>>{
          {R"(vary { value: "1" })", "every axis needs a field"},
          {R"(vary { field: "model.map" })",
           "model.map needs either values or points above 0"},
          {R"(vary { field: "descent.lr" points: -1 })",
           "descent.lr needs either values or points above 0"},
          {R"(vary { field: "descent.lr" value: "1" from: 1 to: 2 points: 2 })",
           "descent.lr needs either values or points above 0"},
          {R"(vary { field: "descent.lr" from: 0 to: 1 points: 3 log: true })",
           "descent.lr: from and to must be above 0 if log"},
          {R"(vary { field: "descent.lr" from: 1 to: inf points: 3 })",
           "descent.lr: from and to must be finite"},
          {R"(vary { field: "descent.lr" from: nan to: 1 points: 3 })",
           "descent.lr: from and to must be finite"},
          {R"(vary { field: "descent.lr" value: ["1", "2", "1"] })",
           "descent.lr: 1 is there twice"},
          {R"(vary { field: "descent.lr" from: 1 to: 2 points: 101 })",
           "101 runs on one axis, more than 100"},
          {R"(vary { field: "name" value: "a" })", "name cannot be varied"},
          {R"(vary { field: "figure" value: "kl" })",
           "figure cannot be varied"},
          {R"(vary { field: "model.map,vary.field" value: "a" })",
           "vary.field cannot be varied"}}) {
    EXPECT_EQ(VaryError(vary), rule);
  }
  const std::string lr = R"(vary { field: "descent.lr" value: "1" } )";
  const std::string seed = R"(vary { field: "init.seed" value: "1" } )";
  const std::string map = R"(vary { field: "model.map" value: "l1" } )";
  EXPECT_EQ(VaryError(lr + seed + map), "at most 2 axes");
  EXPECT_EQ(VaryError(lr + lr), "descent.lr is on both axes");
  EXPECT_EQ(VaryError(R"(vary { field: "descent.lr" from: 1 to: 2 points: 400 }
                         vary { field: "init.value_scale" from: 1 to: 2
                                points: 400 })"),
            "160000 runs are too many");
}

// Rules of a run, with the place of the axes and of what they do not set.
TEST(LoadValueSoftmaxConfigErrors, Variants) {
  ExpectErrors({
      {"\nvary { field: \"model.mpa\" value: \"l1\" }",
       {},
       "f:2:1 (vary): model.mpa=l1: model.mpa: no such field; did you mean "
       "model.map?"},
      {"vary { field: \"descent.steps\" value: \"many\" }",
       {},
       "f:1:1 (vary): descent.steps=many: descent.steps = many: must be a "
       "whole number from -2^63 to 2^63 - 1"},
      {"vary { field: \"descent.steps\" from: 1 to: 2 points: 3 }",
       {},
       "f:1:1 (vary): descent.steps=1.5: descent.steps = 1.5: must be a whole "
       "number from -2^63 to 2^63 - 1"},
      {"vary { field: \"model\" value: \"l1\" }",
       {},
       "f:1:1 (vary): model=l1: model: a block of fields; set one of them, "
       "like model.features"},
      {"vary { field: \"model.map\" value: [\"l1\", \"l3\"] }",
       {},
       "f:1:1 (vary): model.map = \"l3\": must be one of l1, sum, l2, softmax, "
       "relu, sigmoid, softmax1; did you mean \"l1\"?"},
      {"model { tied: true }\nvary { field: \"model.latent\" value: \"9\" }",
       {},
       "f:2:1 (vary): model.latent = 9: must equal model.features, 8, if "
       "model.tied"},
      {"descent {\n  lr: 0\n}\nvary { field: \"model.map\" value: \"l1\" }",
       {},
       "f:2:3: descent.lr = 0: must be above 0"},
      {"vary { field: \"model.map\" value: \"l1\" }",
       {"lr=0"},
       "--set lr=0: descent.lr = 0: must be above 0"},
      {"vary { field: \"model.map\" value: \"l1\" }",
       {"map=l2"},
       "--set map=l2: model.map: also set at f:1:1 (vary): change it "
       "there"},
      {"vary { field: \"descent.lr\" from: 1 to: 2 points: 3 }",
       {"vary.points=8"},
       "--set vary.points=8: vary is a list; change it in a copy of the config "
       "(--config)"},
      {"vary { field: \"descent.lr\" from: 1 to: 2 points: 3 }",
       {"vary=8"},
       "--set vary=8: vary is a list; change it in a copy of the config "
       "(--config)"},
      {"vary { field: \"init.seed\" value: [\"1\"] }"
       "vary { field: \"descent.lr\" from: 1 to: 2 points: 3 }",
       {"spacing=every"},
       "--set spacing=every: history.spacing = \"every\": has no effect with "
       "two axes, of which only the last step of each run is kept"},
      {"vary { field: \"model.map,descent.lr\" value: \"1\" }"
       "vary { field: \"lr\" value: \"2\" }",
       {},
       "f:1:1 (vary): lr=2: descent.lr: set before, by --set descent.lr=1"},
      {"descent { steps: 0 } flow { end_time: 1 }\n"
       "vary { field: \"init.seed\" value: \"1\" }\n"
       "vary { field: \"descent.lr\" value: \"1\" }",
       {},
       "f:1:11: descent.steps = 0: must be above 0 with two axes, which have "
       "no flows"},
  });
}

// In texts that differ but for what file names leave out.
TEST(LoadValueSoftmaxConfigErrors, RunsThatWouldWriteTheSameFile) {
  EXPECT_EQ(VaryError(R"(vary { field: "descent.compare_lr"
                                value: [" 1,2", "\t1,2"] })"),
            "two runs would write history__1_2.safetensors: write their values "
            "otherwise");
}

TEST(RateLabel, HasTheDigitsThatTellTheRatesApart) {
  DescentConfig descent;
  descent.set_lr(0.1);
  descent.add_compare_lr(1);
  descent.add_compare_lr(1e-3);
  EXPECT_EQ(RateLabel(descent, 1), "lr1");
  EXPECT_EQ(RateLabel(descent, 1e-3), "lr0.001");
  descent.add_compare_lr(0.10000001);
  descent.add_compare_lr(1 + 1e-15);
  EXPECT_EQ(RateLabel(descent, 0.10000001), "lr0.10000001");
  EXPECT_EQ(RateLabel(descent, 1 + 1e-15), "lr1.000000000000001");
  EXPECT_EQ(RateLabel(descent, 1), "lr1");
}

TEST(RunLabel, NamesAFile) {
  EXPECT_EQ(RunLabel("", ""), "descent");
  EXPECT_EQ(RunLabel("", "flow"), "flow");
  EXPECT_EQ(RunLabel("l1", ""), "l1");
  EXPECT_EQ(RunLabel("l1", "lr0.1"), "l1_lr0.1");
  EXPECT_EQ(RunLabel("a/b c", "flow"), "a_b_c_flow");
}

TEST(Variants, WithoutAxesAreTheConfigAlone) {
  const std::vector<Variant> variants = Variants(*Load("", {"seed=5"}));
  ASSERT_EQ(variants.size(), 1u);
  EXPECT_EQ(variants[0].label, "");
  EXPECT_THAT(variants[0].place, ElementsAre());
  EXPECT_EQ(ResolvedText(variants[0].config),
            ResolvedText(*Load("", {"seed=5"})));
}

TEST(Variants, GoThroughTwoAxesTheLastFastest) {
  const auto config = Load(
      "vary { field: \"model.map\" value: [\"l1\", \"relu\"] }"
      "vary { field: \"lr\" from: 1 to: 3 points: 3 }");
  ASSERT_TRUE(config.ok()) << config.status();
  std::vector<std::string> labels;
  for (const Variant& v : Variants(*config)) {
    labels.push_back(v.label);
    EXPECT_EQ(v.config.vary_size(), 0);
    EXPECT_EQ(v.label, absl::StrCat(v.config.model().map(), ",",
                                    v.config.descent().lr()));
    EXPECT_EQ(v.config.descent().lr(), v.place[1] + 1);
    EXPECT_EQ(v.config.model().map(), v.place[0] == 0 ? "l1" : "relu");
  }
  EXPECT_THAT(labels, ElementsAre("l1,1", "l1,2", "l1,3", "relu,1", "relu,2",
                                  "relu,3"));
}

TEST(Variants, GiveSeveralFieldsOfAnAxisOneValue) {
  const auto config = Load(
      "model { tied: true }"
      "vary { field: \"model.features,model.latent\" value: [\"4\", \"6\"] }");
  ASSERT_TRUE(config.ok()) << config.status();
  const std::vector<Variant> variants = Variants(*config);
  ASSERT_EQ(variants.size(), 2u);
  EXPECT_EQ(variants[1].label, "6");
  EXPECT_EQ(variants[1].config.model().features(), 6);
  EXPECT_EQ(variants[1].config.model().latent(), 6);
}

// What the axis sets may break a rule where it stands.
TEST(Variants, CountAndNotTheConfigThatTheyReplace) {
  EXPECT_EQ(ErrorOf("model { map: \"none\" }"
                    "vary { field: \"model.map\" value: \"l1\" }"),
            "");
}

}  // namespace
}  // namespace polarize
