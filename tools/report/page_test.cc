#include "tools/report/page.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kPicture[] =
    "<svg viewBox='0 0 1 1'><circle id='a'/><use href='#a'/></svg>";

TEST(Page, HoldsItsPartsInOrder) {
  Page page("A <title>", "The `lead`.");
  page.Section("First").Paragraph("1 < 2").Heading("more");
  page.Table({"name", "n"}, {{"<x>", "1.5"}}).List({"item"});
  page.Section("Second & last").Terminal("$ a <b\n\n");
  page.Fact("polarize-claims", "\"3\"");
  const std::string html = page.Take();
  EXPECT_THAT(html, HasSubstr("<!DOCTYPE html>\n<html lang=\"en\""));
  EXPECT_THAT(html, HasSubstr("<title>A &lt;title&gt;</title>"));
  EXPECT_THAT(html, HasSubstr("The <code>lead</code>."));
  EXPECT_THAT(html, HasSubstr("<a href=\"#section-2\">Second &amp; last</a>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"t\">&lt;x&gt;</td>"
                              "<td class=\"n\">1.5</td>"));
  EXPECT_THAT(html, HasSubstr("<pre>$ a &lt;b</pre>"));
  EXPECT_THAT(html, HasSubstr("<meta name=\"polarize-claims\" "
                              "content=\"&quot;3&quot;\"/>"));
  EXPECT_THAT(html, HasSubstr("default-src &#39;none&#39;"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
}

TEST(Page, TellsPicturesApart) {
  Page page("t", "l");
  page.Section("s");
  ASSERT_TRUE(page.Picture(kPicture, "One <b>.").ok());
  ASSERT_TRUE(page.Picture(kPicture, "Two.").ok());
  const std::string html = page.Take();
  EXPECT_THAT(html, HasSubstr("<circle id=\"p1-a\"/><use href=\"#p1-a\"/>"));
  EXPECT_THAT(html, HasSubstr("<circle id=\"p2-a\"/><use href=\"#p2-a\"/>"));
  EXPECT_THAT(html, HasSubstr("One &lt;b&gt;."));
}

TEST(Page, StaysAsItWasAfterABadPicture) {
  Page good("t", "l"), bad("t", "l");
  good.Section("s");
  bad.Section("s");
  EXPECT_FALSE(bad.Picture("<svg", "caption").ok());
  EXPECT_EQ(good.Take(), bad.Take());
}

}  // namespace
}  // namespace polarize
