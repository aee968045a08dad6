#include "tools/demo/terminal_map.h"

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TerminalMap SmallMap() {
  TerminalMap map;
  map.title = "title";
  map.labels = {"a", "CLS"};
  map.cells = {{0, 0.25, 0.5, 1}, {1, 0.75, 0.5, 0}};
  map.full = 1;
  map.left = "0";
  map.right = "9";
  return map;
}

std::vector<std::string> Texts(const std::vector<TerminalLine>& lines) {
  std::vector<std::string> texts;
  for (const TerminalLine& line : lines) texts.push_back(line.text);
  return texts;
}

// What stays on the screen of a line: all but its colours.
std::string Visible(const std::string& text) {
  std::string visible;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else {
      visible += text[i];
    }
  }
  return visible;
}

size_t Columns(const std::string& text) {
  size_t columns = 0;
  for (const char c : Visible(text)) columns += (c & 0xC0) != 0x80;
  return columns;
}

TEST(TerminalMapTest, PlainCellsAreCharacters) {
  EXPECT_THAT(Texts(MapLines(SmallMap(), 40, TerminalColors::kNone)),
              ElementsAre("title",          //
                          "  a  :+@ 1.00",  //
                          "CLS @#+  0.00",  //
                          "    0  9",       //
                          "    0  .:-=+*#%@ 1"));
}

TEST(TerminalMapTest, TheFullWeightIsTheLargestUnlessGiven) {
  TerminalMap map = SmallMap();
  map.cells = {{0, 1, 2}, {kInfinity, kNaN, 4}};
  map.full = 0;
  const auto lines = Texts(MapLines(map, 40, TerminalColors::kNone));
  EXPECT_EQ(lines[1], "  a  :+ 2.00");
  EXPECT_EQ(lines[2], "CLS @?@ 4.00");
  EXPECT_THAT(lines.back(), HasSubstr("@ 4"));
  map.full = 1;  // beyond it there is nothing stronger
  EXPECT_EQ(Texts(MapLines(map, 40, TerminalColors::kNone))[1], "  a  @@ 2.00");
}

TEST(TerminalMapTest, NegativeWeightsAreLetters) {
  TerminalMap map = SmallMap();
  map.cells = {{-1, -0.5, 0, 0.5}, {-0.1, kNaN, -kInfinity, -2}};
  const auto lines = Texts(MapLines(map, 40, TerminalColors::kNone));
  EXPECT_EQ(lines[1], "  a ie +  0.50");
  EXPECT_EQ(lines[2], "CLS a?ii -2.00");
  EXPECT_THAT(lines.back(), HasSubstr("-1 ihgfedcba .:-=+*#%@ 1"));
}

TEST(TerminalMapTest, NaNIsAQuestionMarkWithoutColour) {
  TerminalMap map = SmallMap();
  map.cells = {{1, kNaN, 1, kNaN}};
  map.labels = {"a"};
  const std::string yellow = "\x1b[48;2;253;231;37m";
  EXPECT_EQ(MapLines(map, 40, TerminalColors::k24Bit)[1].text,
            "a " + yellow + " \x1b[0m?" + yellow + " \x1b[0m? nan");
  map.cells = {{kNaN}};
  map.full = 0;
  EXPECT_EQ(MapLines(map, 40, TerminalColors::kNone)[1].text, "a ? nan");
}

TEST(TerminalMapTest, ColoursAreOfThePaletteAndEnd) {
  const TerminalMap map = SmallMap();
  const auto lines = Texts(MapLines(map, 40, TerminalColors::k24Bit));
  // 0, a quarter, half and all of viridis.
  EXPECT_EQ(lines[1],
            "  a \x1b[48;2;68;1;84m \x1b[48;2;59;82;139m "
            "\x1b[48;2;33;145;140m \x1b[48;2;253;231;37m \x1b[0m 1.00");
  const auto few = Texts(MapLines(map, 40, TerminalColors::k256));
  EXPECT_EQ(few[1],
            "  a \x1b[48;5;53m \x1b[48;5;61m \x1b[48;5;72m \x1b[48;5;226m "
            "\x1b[0m 1.00");
}

TEST(TerminalMapTest, SignedColoursAreRedAndBlue) {
  TerminalMap map = SmallMap();
  map.cells = {{-1, 0, 1}};
  map.labels = {"a"};
  EXPECT_EQ(MapLines(map, 40, TerminalColors::k24Bit)[1].text,
            "a \x1b[48;2;33;102;172m \x1b[48;2;247;247;247m "
            "\x1b[48;2;178;24;43m \x1b[0m 1.00");
  EXPECT_EQ(MapLines(map, 40, TerminalColors::k256)[1].text,
            "a \x1b[48;5;25m \x1b[48;5;231m \x1b[48;5;124m \x1b[0m 1.00");
}

TEST(TerminalMapTest, EqualNeighboursShareAColour) {
  TerminalMap map = SmallMap();
  map.cells = {{1, 1, 1}};
  map.labels = {"a"};
  EXPECT_EQ(MapLines(map, 40, TerminalColors::k24Bit)[1].text,
            "a \x1b[48;2;253;231;37m   \x1b[0m 1.00");
}

TEST(TerminalMapTest, NoLineIsWiderThanAllowed) {
  TerminalMap map = SmallMap();
  map.title = std::string(100, 't') + "σ";
  map.labels = {"a label that is long", "σσσσσσσσσσσσ"};
  map.left = "the beginning of it all";
  map.right = "and the end";
  for (const size_t cells : {1, 3, 50, 1000}) {
    for (const double sign : {1.0, -1.0}) {
      map.cells = {{}, {}};
      for (size_t i = 0; i < cells; ++i) {
        map.cells[0].push_back(sign * double(i) * 1e10);
        map.cells[1].push_back(i % 2 == 0 ? kNaN : 1e-9);
      }
      for (const size_t width : {20, 38, 80}) {
        for (const auto colors : {TerminalColors::kNone, TerminalColors::k256,
                                  TerminalColors::k24Bit}) {
          for (const TerminalLine& line : MapLines(map, width, colors)) {
            EXPECT_LE(line.columns, width) << line.text;
            EXPECT_EQ(Columns(line.text), line.columns) << line.text;
          }
        }
      }
    }
  }
}

TEST(TerminalMapTest, WideMapsShowTheirEnds) {
  TerminalMap map;
  map.cells = {std::vector<double>(1000, 0.0)};
  map.labels = {"x"};
  map.full = 1;
  map.cells[0].front() = map.cells[0].back() = 1;
  const std::string row = MapLines(map, 30, TerminalColors::kNone)[1].text;
  EXPECT_EQ(row, "x @" + std::string(21, ' ') + "@ 1.00");
}

TEST(TerminalMapTest, RowsMayLackCellsAndMapsRows) {
  TerminalMap map = SmallMap();
  map.cells = {{1}, {0, 0, 1}};
  const auto lines = Texts(MapLines(map, 40, TerminalColors::kNone));
  EXPECT_EQ(lines[1], "  a @?? 1.00");
  map.labels = {"a"};
  EXPECT_EQ(Texts(MapLines(map, 40, TerminalColors::kNone))[2], "    @ 1.00");
  map.cells = {};
  EXPECT_THAT(Texts(MapLines(map, 40, TerminalColors::k256)),
              ElementsAre("title"));
  map.cells = {{}};
  EXPECT_THAT(Texts(MapLines(map, 40, TerminalColors::k256)),
              ElementsAre("title"));
}

TEST(TerminalMapTest, LinesStandSideBySide) {
  const std::vector<TerminalLine> left = {{"ab", 2}, {"\x1b[1mabc\x1b[0m", 3}};
  const std::vector<TerminalLine> right = {{"x ", 2}, {"y", 1}, {"z", 1}};
  EXPECT_EQ(SideBySide(left, right, 5),
            "ab   x\n\x1b[1mabc\x1b[0m  y\n     z\n");
  EXPECT_EQ(LinesText(right), "x\ny\nz\n");
}

TEST(TerminalMapTest, TimeIsLogarithmic) {
  const std::vector<double> times = {0, 1, 2, 3, 50, 100, 10000};
  std::vector<std::vector<double>> weights;
  for (size_t i = 0; i < times.size(); ++i) {
    weights.push_back({double(i), 10 * double(i)});
  }
  // "ab" and "60.00" leave five columns: 1, 10, 100, 1000, 10000.
  const TerminalMap map = MapOverTime({"ab", "c"}, times, weights, 20);
  ASSERT_EQ(map.cells.size(), 2u);
  ASSERT_EQ(map.cells[0].size(), 11u);
  EXPECT_EQ(map.cells[0][0], 1);   // the 0 has no place
  EXPECT_EQ(map.cells[0][2], 3);   // 6.3
  EXPECT_EQ(map.cells[0][5], 5);   // 100
  EXPECT_EQ(map.cells[1][9], 50);  // 4000
  EXPECT_EQ(map.cells[1][10], 60);
  EXPECT_THAT(map.labels, ElementsAre("ab", "c"));
}

TEST(TerminalMapTest, WithoutTimesThereAreNoColumns) {
  EXPECT_TRUE(MapOverTime({"a"}, {}, {}, 80).cells.empty());
  const std::vector<std::vector<double>> weights = {{1}};
  EXPECT_TRUE(MapOverTime({"a"}, {0.0}, weights, 80).cells.empty());
  const TerminalMap one = MapOverTime({"a"}, {4.0}, weights, 80);
  EXPECT_THAT(one.cells[0], ::testing::Each(1.0));
}

TEST(TerminalColorsTest, OnlyTerminalsThatSaySoHaveColours) {
  using Colors = TerminalColors;
  EXPECT_EQ(ColorsOf({true, "xterm-256color", "", ""}), Colors::k256);
  EXPECT_EQ(ColorsOf({true, "tmux-256color", "truecolor", ""}), Colors::k24Bit);
  EXPECT_EQ(ColorsOf({true, "xterm", "24bit", ""}), Colors::k24Bit);
  EXPECT_EQ(ColorsOf({true, "xterm-direct", "", ""}), Colors::k24Bit);
  EXPECT_EQ(ColorsOf({true, "xterm", "", ""}), Colors::kNone);
  EXPECT_EQ(ColorsOf({true, "dumb", "truecolor", ""}), Colors::kNone);
  EXPECT_EQ(ColorsOf({true, "", "truecolor", ""}), Colors::kNone);
  EXPECT_EQ(ColorsOf({true, "xterm-256color", "truecolor", "1"}),
            Colors::kNone);
  EXPECT_EQ(ColorsOf({false, "xterm-256color", "truecolor", ""}),
            Colors::kNone);
}

}  // namespace
}  // namespace polarize
