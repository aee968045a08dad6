#include "tools/demo/words.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WordsTest, LinesAreAsLongAsTheyMayBe) {
  EXPECT_THAT(WrapWords("one two  three\nfour", 7),
              ElementsAre("one two", "three", "four"));
  EXPECT_THAT(WrapWords("one two", 6), ElementsAre("one", "two"));
  EXPECT_THAT(WrapWords("a longer word", 3),
              ElementsAre("a", "longer", "word"));
  EXPECT_THAT(WrapWords(" \n", 3), IsEmpty());
  EXPECT_EQ(Paragraph("one two three", 7), "one two\nthree\n");
}

TEST(WordsTest, TheRightColumnKeepsItsPlace) {
  EXPECT_EQ(TwoColumns("left", "right", 6, 20), "left  right\n");
  EXPECT_EQ(TwoColumns("left", "right and more", 6, 11),
            "left  right\n      and\n      more\n");
  EXPECT_EQ(TwoColumns("left", "right", 5, 20), "left right\n");
  // No room between them.
  EXPECT_EQ(TwoColumns("left", "right", 4, 20), "left\n    right\n");
  EXPECT_EQ(TwoColumns("left", "", 6, 20), "left\n");
}

}  // namespace
}  // namespace polarize
