#include "experiments/run/config.h"

#include <string>
#include <vector>

#include "experiments/run/config_test.pb.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

std::string ErrorOf(const std::string& text,
                    const std::vector<std::string>& settings = {}) {
  LoadingTestConfig config;
  const auto places = LoadConfig({"f", text}, settings, &config);
  return places.ok() ? "" : std::string(places.status().message());
}

LoadingTestConfig Loaded(const std::string& text,
                         const std::vector<std::string>& settings = {}) {
  LoadingTestConfig config;
  const auto places = LoadConfig({"f", text}, settings, &config);
  EXPECT_TRUE(places.ok()) << places.status();
  return config;
}

TEST(LoadConfig, WritesEveryDefaultOut) {
  const LoadingTestConfig config = Loaded("inner { size: 4 }");
  EXPECT_EQ(ResolvedText(config),
            R"(# proto-file: experiments/run/config_test.proto
# proto-message: polarize.LoadingTestConfig

count: 7
count64: 8
ucount: 9
ucount64: 10
ratio: 0.25
label: "plain"
colour: BLUE
inner {
  size: 4
  rate: 0.1
}
other {
  size: 5
  fast: true
}
)");
}

TEST(LoadConfig, ReadsItsResolvedText) {
  const LoadingTestConfig config =
      Loaded("widths: [1, 2] others { size: 6 } ratio: 0.1 label: '\"\\n'",
             {"rate=0.30000000000000004"});
  const LoadingTestConfig again = Loaded(ResolvedText(config));
  EXPECT_EQ(again.SerializeAsString(), config.SerializeAsString());
  EXPECT_EQ(again.inner().rate(), 0.30000000000000004);
}

TEST(SchemaNamedIn, IsWhatResolvedTextNames) {
  const LoadingTestConfig config;
  EXPECT_EQ(SchemaNamedIn(ResolvedText(config)), config.GetTypeName());
  EXPECT_EQ(SchemaNamedIn("# proto-message: a.B\r\n"), "a.B");
  EXPECT_EQ(SchemaNamedIn("# other\n# proto-message: a.B"), "a.B");
  EXPECT_EQ(SchemaNamedIn("seed: 1\n# proto-message: a.B"), "");
  EXPECT_EQ(SchemaNamedIn(""), "");
}

TEST(LoadConfig, ForgetsWhatTheConfigHeld) {
  LoadingTestConfig config;
  config.set_count(99);
  ASSERT_TRUE(LoadConfig({"f", ""}, {}, &config).ok());
  EXPECT_EQ(config.count(), 7);
}

TEST(LoadConfig, SettingsChangeEveryKindOfField) {
  const LoadingTestConfig config =
      Loaded("count: 1 widths: 5",
             {"count=-2", "count64=-9000000000", "ucount=4000000000",
              "ucount64=18446744073709551615", "ratio=1e-3", "label=not quoted",
              "colour=RED", "widths=[1, 2]", "words= a ,b", "rate=-.5",
              "inner.size=11", "other.size = 12 ", "fast=False"});
  EXPECT_EQ(config.count(), -2);
  EXPECT_EQ(config.count64(), -9000000000);
  EXPECT_EQ(config.ucount(), 4000000000u);
  EXPECT_EQ(config.ucount64(), 18446744073709551615u);
  EXPECT_EQ(config.ratio(), 1e-3f);
  EXPECT_EQ(config.label(), "not quoted");
  EXPECT_EQ(config.colour(), LoadingTestConfig::RED);
  ASSERT_EQ(config.widths_size(), 2);
  EXPECT_EQ(config.widths(0), 1);
  EXPECT_EQ(config.widths(1), 2);
  ASSERT_EQ(config.words_size(), 2);
  EXPECT_EQ(config.words(0), "a");
  EXPECT_EQ(config.words(1), "b");
  EXPECT_EQ(config.inner().rate(), -.5);
  EXPECT_EQ(config.inner().size(), 11);
  EXPECT_EQ(config.other().size(), 12);
  EXPECT_FALSE(config.other().fast());
}

TEST(LoadConfig, SettingsOfTextAndListsInOtherForms) {
  EXPECT_EQ(Loaded("", {"label=\"a\\tb\""}).label(), "a\tb");
  EXPECT_EQ(Loaded("", {"label='x'"}).label(), "x");
  EXPECT_EQ(Loaded("", {"label=a=b"}).label(), "a=b");
  EXPECT_EQ(Loaded("", {"label="}).label(), "");
  EXPECT_EQ(Loaded("widths: 1", {"widths="}).widths_size(), 0);
  EXPECT_EQ(Loaded("widths: 1", {"widths=[]"}).widths_size(), 0);
  EXPECT_EQ(Loaded("", {"widths=3"}).widths(0), 3);
}

TEST(FieldPlaces, KnowWhereEachValueIsFrom) {
  LoadingTestConfig config;
  const auto places =
      LoadConfig({"f", "count: 1\ninner {\n  size: 4\n}\nwidths: [1,\n 2]"},
                 {"rate=2", "other.size=3"}, &config);
  ASSERT_TRUE(places.ok()) << places.status();
  EXPECT_EQ(places->Of("count"), "f:1:1");
  EXPECT_EQ(places->Of("inner"), "f:2:1");
  EXPECT_EQ(places->Of("inner.size"), "f:3:3");
  EXPECT_EQ(places->Of("inner.rate"), "--set rate=2");
  EXPECT_EQ(places->Of("other.size"), "--set other.size=3");
  EXPECT_EQ(places->Of("other.fast"), "f:(default)");
  EXPECT_EQ(places->Of("widths"), "f:5:1");
}

TEST(LoadConfigErrors, UnknownFieldsNameTheNearest) {
  EXPECT_EQ(ErrorOf("\ncout: 1"),
            "f:2:1: cout: no such field; did you mean count?");
  EXPECT_EQ(ErrorOf("inner {\n  raet : 1\n}"),
            "f:2:3: inner.raet: no such field; did you mean inner.rate?");
  EXPECT_EQ(ErrorOf("other {\n  sizes: 1\n}"),
            "f:2:3: other.sizes: no such field; did you mean other.size?");
  // In the wrong block.
  EXPECT_EQ(ErrorOf("inner { fast: true }"),
            "f:1:9: inner.fast: no such field; did you mean other.fast?");
  EXPECT_EQ(ErrorOf("fast: true"),
            "f:1:1: fast: no such field; did you mean other.fast?");
  // A block, not a value.
  EXPECT_EQ(ErrorOf("iner { size: 1 }"),
            "f:1:1: iner: no such field; did you mean inner?");
  // Nothing near: what there is.
  EXPECT_EQ(ErrorOf("inner { zzzzzz: 1 }"),
            "f:1:9: inner.zzzzzz: no such field; there are size, rate");
}

TEST(LoadConfigErrors, ValuesOfAWrongKind) {
  EXPECT_EQ(ErrorOf("inner {\n  size: \"two\"\n}"),
            "f:2:3: inner.size = \"two\": must be a whole number from -2^31 to "
            "2^31 - 1");
  EXPECT_EQ(ErrorOf("count: 4.5"),
            "f:1:1: count = 4.5: must be a whole number from -2^31 to 2^31 - "
            "1");
  EXPECT_EQ(ErrorOf("count: 2147483648"),
            "f:1:1: count = 2147483648: must be a whole number from -2^31 to "
            "2^31 - 1");
  EXPECT_EQ(ErrorOf("count64: -9223372036854775809"),
            "f:1:1: count64 = -9223372036854775809: must be a whole number "
            "from -2^63 to 2^63 - 1");
  EXPECT_EQ(ErrorOf("ucount: -1"),
            "f:1:1: ucount = -1: must be a whole number from 0 to 2^32 - 1");
  EXPECT_EQ(ErrorOf("ucount64: 18446744073709551616"),
            "f:1:1: ucount64 = 18446744073709551616: must be a whole number "
            "from 0 to 2^64 - 1");
  EXPECT_EQ(ErrorOf("ratio: fast"), "f:1:1: ratio = fast: must be a number");
  EXPECT_EQ(ErrorOf("label: plain"),
            "f:1:1: label = plain: must be text in quotes");
  EXPECT_EQ(ErrorOf("other { fast: maybe }"),
            "f:1:9: other.fast = maybe: must be true or false");
  EXPECT_EQ(ErrorOf("other { fast: 2 }"),
            "f:1:9: other.fast = 2: must be true or false");
  EXPECT_EQ(ErrorOf("colour: GREEN count: 1"),
            "f:1:1: colour = GREEN: must be one of RED, BLUE");
  EXPECT_EQ(ErrorOf("inner: 4"),
            "f:1:1: inner = 4: must be a block of fields in { }");
  EXPECT_EQ(ErrorOf("widths: [1, x]"),
            "f:1:1: widths = x: must be a whole number from -2^31 to 2^31 - "
            "1");
  EXPECT_EQ(ErrorOf("ratio: " + std::string(100, 'x')),
            "f:1:1: ratio = " + std::string(60, 'x') + "...: must be a number");
}

TEST(LoadConfigErrors, FieldsSetTwice) {
  EXPECT_EQ(ErrorOf("count: 1\nratio: 2\ncount: 1"),
            "f:3:1: count: set before, in line 1");
  EXPECT_EQ(ErrorOf("inner {\n size: 1\n size: 2\n}"),
            "f:3:2: inner.size: set before, in line 2");
  EXPECT_EQ(ErrorOf("inner { size: 1 }\n\ninner { rate: 2 }"),
            "f:3:1: inner: set before, in line 1");
}

TEST(LoadConfigErrors, BrokenSyntax) {
  EXPECT_EQ(ErrorOf("count 4"), "f:1:7: count: expected \":\", found \"4\"");
  EXPECT_EQ(ErrorOf("inner {\n  size: 1\n"),
            "f:3:1: inner: the file ends before this block's \"}\"");
  EXPECT_EQ(ErrorOf("count:"), "f:1:7: count: the file ends in mid-field");
  EXPECT_EQ(ErrorOf("count"), "f:1:6: count: the file ends in mid-field");
  EXPECT_EQ(ErrorOf("count: 1 }"), "f:1:10: expected identifier, got: }");
  EXPECT_EQ(ErrorOf("inner { %"), "f:1:9: inner: expected identifier, got: %");
  EXPECT_EQ(ErrorOf("inner { size: 1 >"),
            "f:1:17: inner: expected \"}\", found \">\"");
  EXPECT_EQ(ErrorOf("[polarize.x]: 1"),
            "f:1:13: extension \"polarize.x\" is not defined or is not an "
            "extension of \"polarize.LoadingTestConfig\"");
}

TEST(LoadConfigErrors, BadSettings) {
  const std::string whole = ": must be a whole number from -2^31 to 2^31 - 1";
  EXPECT_EQ(ErrorOf("", {"count"}), "--set count: must be PATH=VALUE");
  EXPECT_EQ(ErrorOf("", {"cout=1"}),
            "--set cout=1: cout: no such field; did you mean count?");
  EXPECT_EQ(ErrorOf("", {"iner.rate=1"}),
            "--set iner.rate=1: iner.rate: no such field; did you mean "
            "inner.rate?");
  EXPECT_EQ(ErrorOf("", {"=1"}),
            "--set =1: : no such field; there are count, count64, ucount, "
            "ucount64, ratio, label, colour, widths, words, others, inner, "
            "other");
  EXPECT_EQ(ErrorOf("", {"size=1"}),
            "--set size=1: size: could be inner.size or other.size; write the "
            "whole path");
  EXPECT_EQ(ErrorOf("", {"count=two"}), "--set count=two: count = two" + whole);
  EXPECT_EQ(ErrorOf("", {"inner.size=1 2"}),
            "--set inner.size=1 2: inner.size = 1 2" + whole);
  EXPECT_EQ(ErrorOf("", {"count="}), "--set count=: count = " + whole);
  EXPECT_EQ(ErrorOf("", {"label='x"}),
            "--set label='x: label = 'x: must be text in quotes");
  EXPECT_EQ(ErrorOf("", {"widths=[1,2"}),
            "--set widths=[1,2: widths = [1,2" + whole);
  EXPECT_EQ(ErrorOf("", {"widths=1,,2"}),
            "--set widths=1,,2: widths = 1,,2" + whole);
  EXPECT_EQ(ErrorOf("", {"inner=1"}),
            "--set inner=1: inner: a block of fields; set one of them, like "
            "inner.size");
  EXPECT_EQ(
      ErrorOf("", {"others=1"}),
      "--set others=1: others is a list; change it in a copy of the config "
      "(--config)");
  EXPECT_EQ(ErrorOf("", {"others.size=1"}),
            "--set others.size=1: others is a list; change it in a copy of the "
            "config (--config)");
  EXPECT_EQ(ErrorOf("", {"count=1", "rate=2", "count=3"}),
            "--set count=3: count: set before, by --set count=1");
}

}  // namespace
}  // namespace polarize
